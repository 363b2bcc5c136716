//! The one way to a mandate.
//!
//! Each step returns evidence with private fields, and each step takes the evidence of the one
//! before, so that a forgotten step does not compile:
//!
//! ```text
//! Caller -> Holder -> Target -> Granted -> Permitted -> InSession -> Minted --Receipt--> Issued
//! ```
//!
//! Policy can only say no, or shorten: the grant is looked up first, and what is issued is exactly
//! what the operation needs.

mod caller;
mod grant;
mod mint;
mod permission;
mod session;
mod target;
#[cfg(test)]
mod tests;

use caracal_mandate::event::{Action, Event, Outcome};
use caracal_mandate::reason::Reason;

pub(crate) use caller::{Caller, Holder};
pub(crate) use grant::Granted;
pub(crate) use mint::{Issued, Minted};
pub(crate) use permission::Permitted;
pub(crate) use session::{InSession, SessionLocks};
pub(crate) use target::Target;

use crate::request::{Asked, Normal, Refused, draft, refuse};
use crate::service::Service;

/// How often a decision is made again when authority moved under it.
const ATTEMPTS: usize = 3;

/// Why the last step did not go through.
pub(crate) enum Unminted {
    /// Authority changed between decision and signature; decide again.
    Moved,
    /// A no.
    Refused(Reason),
}

impl Service {
    /// Issues a mandate for the peer or for the workload that it speaks for. Whatever comes out is
    /// recorded before it is returned.
    pub(crate) async fn exchange(
        &self,
        peer: Option<&str>,
        asked: &Asked<'_>,
    ) -> Result<Issued, Refused> {
        let mut event = draft(
            &self.recorder,
            Action::Exchange,
            self.clock.unix_ms(),
            asked,
        );
        let decided = self.decide_exchange(peer, asked, &mut event).await;
        match decided {
            Ok(minted) => {
                event.outcome = Outcome::Allow;
                minted.describe(&mut event);
                match self.recorder.record(event).await {
                    Ok(receipt) => Ok(minted.release(receipt)),
                    Err(_) => Err(Reason::AuditUnavailable.into()),
                }
            }
            Err(refused) => Err(self.record_refusal(event, refused).await),
        }
    }

    /// Records a refusal. One that cannot be recorded is a refusal for that reason.
    pub(crate) async fn record_refusal(&self, mut event: Event, refused: Refused) -> Refused {
        refuse(&mut event, &refused);
        match self.recorder.record(event).await {
            Ok(_receipt) => refused,
            Err(_) => Reason::AuditUnavailable.into(),
        }
    }

    async fn decide_exchange(
        &self,
        peer: Option<&str>,
        asked: &Asked<'_>,
        event: &mut Event,
    ) -> Result<Minted, Refused> {
        for _ in 0..ATTEMPTS {
            let caller = Caller::authenticate(&self.authority, peer, event)?;
            if !self.is_fresh() {
                return Err(Reason::IssuerUnavailable.into());
            }
            let holder = Holder::identify(&self.authority, &caller, asked, event)?;
            let normal = Normal::read(asked, event)?;
            let target = Target::resolve(&self.authority, &holder, &caller, &normal, event)?;
            let refused = |reason| Refused {
                reason,
                scopes: Some(target.operation().scopes.clone()),
            };
            let now_s = self.clock.unix_ms() / 1000;
            let granted =
                Granted::find(&self.authority, &holder, &target, now_s, event).map_err(refused)?;
            let permitted = Permitted::ask(self, &holder, &target, &granted, &normal, now_s, event)
                .await
                .map_err(refused)?;
            let session = InSession::enter(self, &holder, &permitted)
                .await
                .map_err(refused)?;
            match Minted::mint(self, &holder, &target, &granted, &permitted, &session).await {
                Ok(minted) => return Ok(minted),
                Err(Unminted::Moved) => {}
                Err(Unminted::Refused(reason)) => return Err(refused(reason)),
            }
        }
        Err(Reason::IssuerUnavailable.into())
    }
}
