//! Authority that came from a caller, and authority that goes on to who is called.

use std::sync::Arc;

use caracal_mandate::chain::{Hop, Right};
use caracal_mandate::event::Event;
use caracal_mandate::name::Name;
use caracal_mandate::reason::Reason;
use caracal_mandate::scope::{Scope, ScopeSet};
use caracal_mandate::verify::VerifiedMandate;
use caracal_store::model::Delegation;

use super::{Granted, Search, refused};
use crate::authority::Side;
use crate::exchange::{Holder, Question};
use crate::request::{Refused, note};

/// What a caller holds at the target and a delegation lets the holder use.
pub(super) struct PassedOn {
    by: Arc<Delegation>,
    scopes: ScopeSet,
    via: Vec<String>,
}

/// Who acted at a hop, in the session of it.
pub(super) fn of_hop(hop: &Hop) -> Side<'_> {
    Side::within(&hop.application, Some(&hop.session))
}

impl Search<'_> {
    /// The delegation by which the holder acts for its caller. The caller itself has to hold every scope:
    /// its own chain is what is appended to.
    pub(super) fn passed_on(
        &self,
        caller: &VerifiedMandate,
        holder: &Holder,
        wanted: Option<&ScopeSet>,
        event: &mut Event,
    ) -> Result<PassedOn, Reason> {
        let claims = caller.claims();
        let held = claims.mdt.scopes_at(self.uri);
        let now_s = self.circumstances.now_s;
        let from = Side::within(&claims.client_id, Some(&claims.sid));
        let to = holder.side(self.zone, Some(&claims.sid));
        let here = self
            .zone
            .delegations(from, to, now_s)
            .filter(|delegation| delegation.resource == *self.resource);
        // Of several the one that gives most of it; between equals the older.
        let given = here.map(|delegation| {
            let scopes = delegation.scopes.intersection(&held);
            let scopes =
                wanted.map_or_else(|| scopes.clone(), |wanted| scopes.intersection(wanted));
            (delegation, scopes)
        });
        let best = given.reduce(|best, next| {
            if next.1.len() > best.1.len() {
                next
            } else {
                best
            }
        });
        let (by, scopes) = best.ok_or(Reason::DelegationMissing)?;
        note(event, &format!("by {}", by.id));
        if scopes.is_empty() || wanted.is_some_and(|wanted| scopes != *wanted) {
            return Err(Reason::ScopeExceeded);
        }
        let via = self.via(caller, &scopes)?;
        Ok(PassedOn {
            by: Arc::clone(by),
            scopes,
            via,
        })
    }

    /// The delegations by which those before the caller have these scopes passed on here, down to the caller
    /// and as far as the holder: what the caller was called by is another one, of another resource.
    fn via(&self, caller: &VerifiedMandate, scopes: &ScopeSet) -> Result<Vec<String>, Reason> {
        let steps = caller.claims().mdt.hops.array_windows::<2>().rev();
        let mut via = Vec::new();
        // The holder is one further than the caller, and so on upwards.
        for (further, [from, to]) in (1_usize..).zip(steps) {
            let (from, to) = (of_hop(from), of_hop(to));
            let first = self.reaching(from, to, scopes, further).next();
            via.push(first.ok_or(Reason::DelegationMissing)?.id.clone());
        }
        via.reverse();
        Ok(via)
    }

    /// The live delegations between two that let these scopes be passed on here so many times further.
    pub(super) fn reaching<'a>(
        &'a self,
        from: Side<'a>,
        to: Side<'a>,
        scopes: &'a ScopeSet,
        further: usize,
    ) -> impl Iterator<Item = &'a Arc<Delegation>> + use<'a> {
        let live = self.zone.delegations(from, to, self.circumstances.now_s);
        live.filter(move |delegation| {
            delegation.resource == *self.resource
                && usize::from(delegation.max_depth) >= further
                && scopes.is_subset(&delegation.scopes)
        })
    }

    /// Why an application without a grant of its own can do nothing here: for callers it could, if there
    /// was one, or if another one had called.
    pub(super) fn of_no_grant(&self, was_called: bool) -> Reason {
        let now_s = self.circumstances.now_s;
        let for_others = || self.zone.may_act_at(self.grantee, self.resource, now_s);
        match (was_called, for_others()) {
            (true, true) => Reason::DelegationMissing,
            (false, true) => Reason::CallerMissing,
            (_, false) => Reason::NoGrant,
        }
    }

    /// The grant of the chain's root: what was passed on is authority only as long as its root has any.
    pub(super) fn relayed(&self, passed_on: PassedOn) -> Result<Granted, Refused> {
        let PassedOn { by, scopes, via } = passed_on;
        let granted = self.covering(&scopes);
        let granted = granted.map_err(|missed| refused(missed, Reason::NoGrant))?;
        let until = [granted.until, by.expires_at].into_iter().flatten().min();
        Ok(Granted {
            until,
            by: Some(by),
            via,
            ..granted
        })
    }

    /// What the application that answers at the target may do in turn: what delegations let it, as far
    /// as the holder has it. Nothing goes on when the chain may not become longer.
    pub(super) fn beyond(&self, question: &Question<'_>, by: Option<&Delegation>) -> Vec<Right> {
        let Question {
            holder,
            subject,
            target,
            normal: _,
        } = question;
        let Some(agent) = &target.entry().resource.application else {
            return Vec::new();
        };
        let may_go_on = by.is_none_or(|by| by.max_depth > 0);
        if !may_go_on || target.delegatee().is_some() {
            return Vec::new();
        }
        let now_s = self.circumstances.now_s;
        let on_behalf_of = subject.caller().map(|caller| caller.claims().sid.as_str());
        let from = holder.side(self.zone, on_behalf_of);
        let further = self.zone.delegations(from, Side::any(agent), now_s);
        let rights = further.filter_map(|delegation| {
            let entry = self.zone.catalog.by_name(&delegation.resource)?;
            let uri = &entry.resource.uri;
            let held = match (subject.caller(), subject.parent()) {
                (Some(caller), _) => caller.claims().mdt.scopes_at(uri),
                // What was narrowed or handed over by itself holds nothing elsewhere.
                (None, Some(_)) => return None,
                (None, None) => self.granted_at(&delegation.resource),
            };
            let scopes = held.intersection(&delegation.scopes);
            (!scopes.is_empty()).then(|| Right {
                resource: uri.clone(),
                scopes,
            })
        });
        rights.collect()
    }

    /// All that the grantee's good grants for a resource come to.
    fn granted_at(&self, resource: &Name) -> ScopeSet {
        let grants = self.zone.grants(self.grantee, resource);
        let good = grants.filter(|grant| self.circumstances.check(grant).is_ok());
        let mut scopes: Vec<Scope> = good.flat_map(|grant| &grant.scopes).cloned().collect();
        scopes.sort_unstable();
        scopes.dedup();
        // More than a set takes is more than a chain takes.
        ScopeSet::new(scopes).unwrap_or_default()
    }
}
