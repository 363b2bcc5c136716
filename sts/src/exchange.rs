//! The one way to a mandate.
//!
//! Each step returns evidence with private fields, and each step takes the evidence of the one
//! before, so that a forgotten step does not compile:
//!
//! ```text
//! Caller | Client -> Holder -> Subject -> Target -> Granted -> Permitted -> InSession -> Minted
//!                                                                        --Receipt--> Issued
//! ```
//!
//! Two doors lead in: Envoy's `Check`, where a request asks for what its operation needs, and the
//! token endpoint (RFC 8693), where a client names it. They differ in how the caller and the target
//! are known; from the grant on there is one way.
//!
//! Policy can only say no, or shorten: the grant is looked up first, and nothing is issued beyond it.

mod caller;
mod client;
mod grant;
mod human;
mod mint;
mod permission;
mod session;
mod subject;
mod target;
#[cfg(test)]
mod tests;
mod wish;

use caracal_mandate::event::{Action, Event, Outcome};
use caracal_mandate::reason::Reason;

pub(crate) use caller::{Caller, Holder};
pub(crate) use client::{Client, Method};
pub(crate) use grant::Granted;
pub(crate) use mint::{Issued, Minted};
pub(crate) use permission::Permitted;
pub(crate) use session::{InSession, Leases, Seen, SessionLocks};
pub(crate) use subject::Subject;
pub(crate) use target::{Called, Target};
pub(crate) use wish::{IdToken, SubjectToken, Wish};

use crate::metrics;
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

/// Where a question came in, with the identity that this way proves.
enum Door<'a> {
    /// Envoy's `Check`: a request at an enforcement point.
    Check {
        peer: Option<&'a str>,
        asked: &'a Asked<'a>,
    },
    /// The token endpoint.
    Token {
        client: &'a Client,
        wish: &'a Wish<'a>,
    },
}

/// The evidence of both doors, from which on there is one way.
struct Question<'a> {
    holder: Holder,
    subject: Subject,
    target: Target,
    /// The request that gave rise to it, if one did.
    normal: Option<Normal<'a>>,
}

impl Service {
    /// Issues a mandate for the peer or for the workload that it speaks for. Whatever comes out is
    /// recorded before it is returned.
    pub(crate) async fn exchange(
        &self,
        peer: Option<&str>,
        asked: &Asked<'_>,
    ) -> Result<Issued, Refused> {
        let now_ms = self.clock.unix_ms();
        let event = draft(&self.recorder, Action::Exchange, now_ms, asked.request_id);
        self.issue(&Door::Check { peer, asked }, event).await
    }

    /// Issues a mandate for a client that proved who it is. The same, through the other door.
    pub(crate) async fn exchange_wish(
        &self,
        client: &Client,
        wish: &Wish<'_>,
        request_id: &str,
    ) -> Result<Issued, Refused> {
        let now_ms = self.clock.unix_ms();
        let event = draft(&self.recorder, Action::Exchange, now_ms, request_id);
        self.issue(&Door::Token { client, wish }, event).await
    }

    async fn issue(&self, door: &Door<'_>, event: Event) -> Result<Issued, Refused> {
        let started_us = self.clock.monotonic_us();
        let issued = self.answer(door, event).await;
        let took_us = self.clock.monotonic_us().saturating_sub(started_us);
        let refused = issued.as_ref().err().map(|refused| refused.reason);
        self.metrics
            .decided(metrics::Asked::Exchange, refused, took_us);
        issued
    }

    async fn answer(&self, door: &Door<'_>, mut event: Event) -> Result<Issued, Refused> {
        match self.decide_exchange(door, &mut event).await {
            Ok(minted) => {
                event.outcome = Outcome::Allow;
                minted.describe(&mut event);
                match self.record(event).await {
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
        match self.record(event).await {
            Ok(_receipt) => refused,
            Err(_) => Reason::AuditUnavailable.into(),
        }
    }

    async fn decide_exchange(&self, door: &Door<'_>, event: &mut Event) -> Result<Minted, Refused> {
        for _ in 0..ATTEMPTS {
            let now_s = self.clock.unix_ms() / 1000;
            event.detail = None;
            let question = self.question(door, now_s, event)?;
            let refused = |reason| Refused {
                reason,
                scopes: question.target.wanted_scopes().cloned(),
                step_up: None,
            };
            let granted = Granted::find(&self.authority, &question, now_s, event);
            let granted = granted.map_err(|ungranted| Refused {
                step_up: ungranted.step_up,
                ..refused(ungranted.reason)
            })?;
            let permitted = Permitted::ask(self, &question, &granted, now_s, event).await;
            let permitted = permitted.map_err(refused)?;
            let session = match InSession::enter(self, &question, &permitted).await {
                Ok(session) => session,
                Err(Unminted::Moved) => continue,
                Err(Unminted::Refused(reason)) => return Err(refused(reason)),
            };
            match Minted::mint(self, &question, &granted, &permitted, &session).await {
                Ok(minted) => return Ok(minted),
                Err(Unminted::Moved) => {}
                Err(Unminted::Refused(reason)) => return Err(refused(reason)),
            }
        }
        Err(Reason::IssuerUnavailable.into())
    }

    fn question<'a>(
        &self,
        door: &Door<'a>,
        now_s: u64,
        event: &mut Event,
    ) -> Result<Question<'a>, Refused> {
        match *door {
            Door::Check { peer, asked } => {
                let caller = Caller::authenticate(&self.authority, peer, event)?;
                if caller.point().is_some() && !asked.principal.is_empty() {
                    event.holder = Some(asked.principal.to_owned());
                }
                // A gateway stands before nobody who is called: it knows of no callers.
                if caller.point().is_some() && !asked.caller.is_empty() {
                    return Err(Reason::CallerNotTrusted.into());
                }
                // The filter's order: what the request is, then whose it is.
                let normal = Normal::read(asked, event)?;
                self.check_issuing()?;
                let target = {
                    let state = self.authority.read();
                    let zone = state.zone(caller.zone()).ok_or(Reason::CallerUnknown)?;
                    Called::resolve(zone, &caller, &normal, event)?
                };
                let holder = Holder::identify(&self.authority, &caller, asked, event);
                let refused = |reason| target.refused(reason);
                let holder = holder.map_err(refused)?;
                let subject =
                    Subject::of_request(&self.authority, &holder, asked, &target, (now_s, event));
                let subject = subject.map_err(refused)?;
                Ok(Question {
                    holder,
                    subject,
                    target: target.into(),
                    normal: Some(normal),
                })
            }
            Door::Token { client, wish } => {
                client.describe(&self.authority, event);
                self.check_issuing()?;
                let holder = Holder::of_client(&self.authority, client, event)?;
                let subject = Subject::establish(&self.authority, &holder, wish, now_s, event)?;
                let target = Target::select(&self.authority, &holder, &subject, wish, event)?;
                Ok(Question {
                    holder,
                    subject,
                    target,
                    normal: None,
                })
            }
        }
    }

    fn check_issuing(&self) -> Result<(), Reason> {
        if self.is_fresh() {
            Ok(())
        } else {
            Err(Reason::IssuerUnavailable)
        }
    }
}
