//! Without a live grant nothing is issued, whatever the policy says.

use std::sync::Arc;

use caracal_mandate::event::Event;
use caracal_mandate::name::Name;
use caracal_mandate::reason::Reason;
use caracal_mandate::scope::ScopeSet;
use caracal_mandate::verify::VerifiedMandate;
use caracal_store::model::Grant;

use super::Question;
use crate::authority::{Authority, ZoneState};

/// A live grant that covers application, resource and every scope that is to be issued.
#[derive(Debug)]
pub(crate) struct Granted {
    grant: Arc<Grant>,
    scopes: ScopeSet,
}

impl Granted {
    pub(super) fn find(
        authority: &Authority,
        question: &Question<'_>,
        now_s: u64,
        event: &mut Event,
    ) -> Result<Self, Reason> {
        let Question {
            holder,
            subject,
            target,
            normal: _,
        } = question;
        let state = authority.read();
        let zone = state.zone(&holder.zone().name).ok_or(Reason::NoGrant)?;
        let root = subject.grantee(holder);
        let resource = &target.entry().resource.name;
        let wanted = target.wanted_scopes();
        let granted = match (subject.parent(), target.operation()) {
            (Some(parent), _) => inherited(zone, root, resource, parent, wanted, now_s),
            // An operation needs all of its scopes, so less than that is nothing.
            (None, Some(operation)) => {
                let scopes = &operation.scopes;
                let grant = zone.grant(root, resource, scopes, now_s);
                let grant = grant.ok_or(Reason::NoGrant)?;
                Ok(Self::of(grant, scopes.clone()))
            }
            (None, None) => selected(zone, root, resource, wanted, now_s),
        }?;
        drop(state);
        event.grant = Some(granted.grant.id.clone());
        Ok(granted)
    }

    fn of(grant: &Arc<Grant>, scopes: ScopeSet) -> Self {
        Self {
            grant: Arc::clone(grant),
            scopes,
        }
    }

    /// The grant.
    pub(crate) const fn grant(&self) -> &Arc<Grant> {
        &self.grant
    }

    /// What is to be issued, at most.
    pub(crate) const fn scopes(&self) -> &ScopeSet {
        &self.scopes
    }
}

/// The grant that the parent rests on. It has to be there still: a delegation is authority only as
/// long as its root has any.
fn inherited(
    zone: &ZoneState,
    grantee: &Name,
    resource: &Name,
    parent: &VerifiedMandate,
    wanted: Option<&ScopeSet>,
    now_s: u64,
) -> Result<Granted, Reason> {
    let grant = zone
        .grants(grantee, resource, now_s)
        .find(|grant| grant.id == parent.claims().grant)
        .ok_or(Reason::NoGrant)?;
    let scopes = wanted.unwrap_or_else(|| parent.scopes());
    if scopes.is_subset(parent.scopes()) && scopes.is_subset(&grant.scopes) {
        Ok(Granted::of(grant, scopes.clone()))
    } else {
        Err(Reason::ScopeExceeded)
    }
}

/// The grant that covers the named scopes; if none are named, the one with the most.
fn selected(
    zone: &ZoneState,
    grantee: &Name,
    resource: &Name,
    wanted: Option<&ScopeSet>,
    now_s: u64,
) -> Result<Granted, Reason> {
    let widest = zone
        .grants(grantee, resource, now_s)
        .max_by_key(|grant| (grant.scopes.iter().count(), &grant.id))
        .ok_or(Reason::NoGrant)?;
    let scopes = wanted.unwrap_or(&widest.scopes);
    let grant = zone.grant(grantee, resource, scopes, now_s);
    let grant = grant.ok_or(Reason::ScopeExceeded)?;
    Ok(Granted::of(grant, scopes.clone()))
}
