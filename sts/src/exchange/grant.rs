//! Without a live grant nothing is issued, whatever the policy says.

mod conditions;
mod edges;
mod passed_on;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use caracal_mandate::catalog::ResourceUri;
use caracal_mandate::chain::Right;
use caracal_mandate::edge::Edge;
use caracal_mandate::event::Event;
use caracal_mandate::name::Name;
use caracal_mandate::reason::Reason;
use caracal_mandate::scope::ScopeSet;
use caracal_mandate::verify::VerifiedMandate;
use caracal_store::model::{Delegation, Grant};

use super::Question;
use crate::authority::{Authority, ZoneState};
use crate::request::Refused;
use conditions::{Circumstances, Good, Missed};

/// A live grant that covers application, resource and every scope that is to be issued, and whose
/// conditions are met.
#[derive(Debug)]
pub(crate) struct Granted {
    grant: Arc<Grant>,
    scopes: ScopeSet,
    until: Option<u64>,
    by: Option<Arc<Delegation>>,
    via: Vec<String>,
    beyond: Vec<Right>,
    edges: Vec<Edge>,
}

impl Granted {
    pub(super) fn find(
        authority: &Authority,
        question: &Question<'_>,
        now_s: u64,
        event: &mut Event,
    ) -> Result<Self, Refused> {
        let Question {
            holder,
            subject,
            target,
            normal: _,
        } = question;
        let circumstances = Circumstances::of(question, now_s);
        let state = authority.read();
        let zone = state.zone(&holder.zone().name).ok_or(Reason::NoGrant)?;
        let search = Search {
            zone,
            grantee: subject.grantee(holder),
            resource: &target.entry().resource.name,
            uri: &target.entry().resource.uri,
            circumstances,
        };
        let wanted = target.wanted_scopes();
        let mut granted = match (subject.caller(), subject.parent(), target.operation()) {
            (Some(caller), ..) => {
                let passed_on = search.passed_on(caller, holder, wanted, event)?;
                search.relayed(passed_on)
            }
            (None, Some(parent), _) => search.inherited(parent, wanted),
            // An operation needs all of its scopes, so less than that is nothing.
            (None, None, Some(operation)) => search
                .covering(&operation.scopes)
                .map_err(|missed| refused(missed, search.of_no_grant(subject.was_called()))),
            (None, None, None) => search.selected(wanted),
        }?;
        granted.beyond = search.beyond(question, granted.by.as_deref());
        let edges = search.edges(question, &granted.scopes);
        let granted = granted.with_edges(edges);
        drop(state);
        event.grant = Some(granted.grant.id.clone());
        Ok(granted)
    }

    fn of(good: Good<'_>, scopes: ScopeSet) -> Self {
        Self {
            grant: Arc::clone(good.grant),
            scopes,
            until: good.until,
            by: None,
            via: Vec::new(),
            beyond: Vec::new(),
            edges: Vec::new(),
        }
    }

    /// The grant.
    pub(crate) const fn grant(&self) -> &Arc<Grant> {
        &self.grant
    }

    /// The delegation by which the holder acts for its caller.
    pub(crate) fn by(&self) -> Option<&Delegation> {
        self.by.as_deref()
    }

    /// Ids of the delegations by which those before the caller have it passed on.
    pub(crate) fn via(&self) -> &[String] {
        &self.via
    }

    /// What the application that is called may do in turn; nothing, where the target is no application
    /// or none may.
    pub(crate) fn beyond(&self) -> &[Right] {
        &self.beyond
    }

    /// What is to be issued, at most.
    pub(crate) const fn scopes(&self) -> &ScopeSet {
        &self.scopes
    }

    /// The second from which it is not good any more: its expiry, the end of the window, or the
    /// moment at which the user's authentication is too long ago.
    pub(crate) const fn until(&self) -> Option<u64> {
        self.until
    }
}

/// Whose grant for what.
struct Search<'a> {
    zone: &'a ZoneState,
    grantee: &'a Name,
    resource: &'a Name,
    uri: &'a ResourceUri,
    circumstances: Circumstances<'a>,
}

impl<'a> Search<'a> {
    fn grants(&self) -> impl Iterator<Item = &'a Arc<Grant>> {
        self.zone.grants(self.grantee, self.resource)
    }

    /// The best grant that covers the scopes.
    fn covering(&self, scopes: &ScopeSet) -> Result<Granted, Option<Missed<'a>>> {
        let covers = |grant: &&Arc<Grant>| scopes.is_subset(&grant.scopes);
        let good = self.circumstances.best(self.grants().filter(covers))?;
        Ok(Granted::of(good, scopes.clone()))
    }

    /// The grant that the parent rests on. It has to be good still: a delegation is authority only
    /// as long as its root has any.
    fn inherited(
        &self,
        parent: &VerifiedMandate,
        wanted: Option<&ScopeSet>,
    ) -> Result<Granted, Refused> {
        let of_parent = |grant: &&Arc<Grant>| grant.id == parent.claims().grant;
        let good = self.circumstances.best(self.grants().filter(of_parent));
        let good = good.map_err(|missed| refused(missed, Reason::NoGrant))?;
        let scopes = wanted.unwrap_or_else(|| parent.scopes());
        if scopes.is_subset(parent.scopes()) && scopes.is_subset(&good.grant.scopes) {
            Ok(Granted::of(good, scopes.clone()))
        } else {
            Err(Reason::ScopeExceeded.into())
        }
    }

    /// The grant that covers the named scopes; if none are named, the one with the most.
    fn selected(&self, wanted: Option<&ScopeSet>) -> Result<Granted, Refused> {
        let widest = self
            .grants()
            .filter(|grant| self.circumstances.check(grant).is_ok())
            .max_by_key(|grant| (grant.scopes.iter().count(), &grant.id));
        let Some(scopes) = wanted.or_else(|| widest.map(|grant| &grant.scopes)) else {
            let nearest = self.circumstances.best(self.grants()).err().flatten();
            return Err(refused(nearest, Reason::NoGrant));
        };
        // Where another grant is good, it is the scopes that are too many.
        let otherwise = if widest.is_some() {
            Reason::ScopeExceeded
        } else {
            Reason::NoGrant
        };
        self.covering(scopes)
            .map_err(|missed| refused(missed, otherwise))
    }
}

/// Why the grant that came nearest is not good. One that has expired is as good as none.
fn refused(missed: Option<Missed<'_>>, otherwise: Reason) -> Refused {
    match missed.map(|missed| (missed, missed.unmet.reason())) {
        None | Some((_, Reason::NoGrant)) => otherwise.into(),
        Some((missed, reason)) => Refused {
            step_up: missed.unmet.step_up(missed.grant),
            ..reason.into()
        },
    }
}
