//! Without a live grant nothing is issued, whatever the policy says.

use std::sync::Arc;

use caracal_mandate::event::Event;
use caracal_mandate::reason::Reason;
use caracal_store::model::Grant;

use super::{Holder, Target};
use crate::authority::Authority;

/// A live grant that covers application, resource and every scope of the operation.
#[derive(Debug)]
pub(crate) struct Granted {
    grant: Arc<Grant>,
}

impl Granted {
    pub(crate) fn find(
        authority: &Authority,
        holder: &Holder,
        target: &Target,
        now_s: u64,
        event: &mut Event,
    ) -> Result<Self, Reason> {
        let state = authority.read();
        let zone = state.zone(&holder.zone().name).ok_or(Reason::NoGrant)?;
        let grant = zone
            .grant(
                &holder.application().name,
                &target.entry().resource.name,
                &target.operation().scopes,
                now_s,
            )
            .cloned()
            .ok_or(Reason::NoGrant)?;
        drop(state);
        event.grant = Some(grant.id.clone());
        Ok(Self { grant })
    }

    /// The grant.
    pub(crate) const fn grant(&self) -> &Arc<Grant> {
        &self.grant
    }
}
