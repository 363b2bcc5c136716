//! What comes back from the token service, and what never does.

use std::rc::Rc;

use caracal_mandate::reason::Reason;

use super::decide::NotNow;
use super::facts::{StreamId, Waiter};
use super::flights::Flight;
use super::verdict::{Basis, Outcome, Question, Ticket};
use super::{CallToken, Engine, HeldMandate};
use crate::check::{Answer, answer};
use crate::config::Role;
use crate::time::Moment;

/// A held request and what happens with it now.
pub type Settled = (StreamId, Outcome);

impl Engine {
    /// The question of `ticket` was sent as `call`.
    pub fn sent(&mut self, ticket: Ticket, call: CallToken) {
        self.calls.insert(call, ticket);
    }

    /// The question of `ticket` could not be sent: everything that waits for it is refused.
    pub fn not_sent(&mut self, ticket: Ticket, now: Moment) -> Vec<Settled> {
        self.settle(ticket, &Answer::No(Reason::AuthorityUnavailable), now)
    }

    /// A call was answered, or failed (`None`). Unknown calls are none of ours.
    pub fn answered(
        &mut self,
        call: CallToken,
        response: Option<&[u8]>,
        now: Moment,
    ) -> Vec<Settled> {
        let Some(ticket) = self.calls.remove(&call) else {
            return Vec::new();
        };
        let answer = response.map_or(Answer::No(Reason::AuthorityUnavailable), answer);
        self.settle(ticket, &answer, now)
    }

    /// Refuses what waited too long. The calls that were given up come with it, to be cancelled.
    pub fn give_up_overdue(&mut self, now: Moment) -> (Vec<Settled>, Vec<CallToken>) {
        let mut overdue = self.flights.overdue(now.monotonic_ms);
        let late = self
            .alone
            .iter()
            .filter(|(_, alone)| alone.deadline <= now.monotonic_ms);
        overdue.extend(late.map(|(ticket, _)| *ticket));
        let settled = overdue
            .iter()
            .flat_map(|ticket| self.not_sent(*ticket, now))
            .collect();
        let calls = self.calls.extract_if(|_, ticket| overdue.contains(ticket));
        (settled, calls.map(|(call, _)| call).collect())
    }

    /// A request ended while it waited. Its own call went with it.
    pub fn abandoned(&mut self, stream: StreamId) {
        self.alone.retain(|_, alone| alone.waiter.stream != stream);
        self.flights.forget(stream);
    }

    /// Questions whose call went with another request, to be sent from a context that stays.
    pub fn take_orphans(&mut self) -> Vec<Question> {
        let orphans = self.flights.take_orphans();
        orphans
            .into_iter()
            .map(|(ticket, message)| Question { ticket, message })
            .collect()
    }

    fn settle(&mut self, ticket: Ticket, answer: &Answer, now: Moment) -> Vec<Settled> {
        if let Some(alone) = self.alone.remove(&ticket) {
            let verdict = self.settle_alone(&alone.waiter, answer, now);
            return vec![(alone.waiter.stream, verdict)];
        }
        let Some(flight) = self.flights.end(ticket) else {
            return Vec::new();
        };
        self.settle_flight(&flight, answer, now)
    }

    fn settle_alone(&mut self, waiter: &Waiter, answer: &Answer, now: Moment) -> Outcome {
        match answer {
            Answer::No(reason) => self.refuse(&waiter.facts(), None, *reason, now),
            Answer::Yes { mandate } => self.by_service(waiter, mandate.as_deref(), now),
        }
    }

    /// Lets a request through on the service's word. An agent's sidecar needs the mandate itself:
    /// a yes without one is of no use to it.
    fn by_service(&mut self, waiter: &Waiter, mandate: Option<&[u8]>, now: Moment) -> Outcome {
        let facts = waiter.facts();
        let attach = match (self.config.role, mandate.map(std::str::from_utf8)) {
            (Role::Resource | Role::Gateway, _) => None,
            (Role::Agent, Some(Ok(token))) => Some(token.into()),
            (Role::Agent, _) => {
                return self.refuse(&facts, None, Reason::IssuerUnavailable, now);
            }
        };
        self.forward(&facts, Basis::Service { attach }, now)
    }

    fn settle_flight(&mut self, flight: &Flight, answer: &Answer, now: Moment) -> Vec<Settled> {
        let held = match answer {
            Answer::No(reason) => Err(*reason),
            Answer::Yes { mandate: None } => Err(Reason::IssuerUnavailable),
            Answer::Yes {
                mandate: Some(token),
            } => self.hold(flight, token, now),
        };
        flight
            .waiters
            .iter()
            .map(|waiter| {
                (
                    waiter.stream,
                    self.settle_waiter(waiter, held.as_ref(), answer, now),
                )
            })
            .collect()
    }

    /// Verifies what was obtained, as strictly as what a stranger presents, and remembers it.
    fn hold(
        &mut self,
        flight: &Flight,
        token: &[u8],
        now: Moment,
    ) -> Result<Rc<HeldMandate>, Reason> {
        let text = std::str::from_utf8(token).map_err(|_| Reason::MandateEncoding)?;
        let mandate = self.verify(token, now)?;
        Ok(self.held.insert(
            &flight.key,
            HeldMandate {
                token: text.into(),
                mandate,
            },
        ))
    }

    fn settle_waiter(
        &mut self,
        waiter: &Waiter,
        held: Result<&Rc<HeldMandate>, &Reason>,
        answer: &Answer,
        now: Moment,
    ) -> Outcome {
        let facts = waiter.facts();
        let fresh = match answer {
            Answer::Yes { mandate } => mandate.as_deref(),
            Answer::No(_) => None,
        };
        let held = match held {
            Ok(held) => held,
            // The lease ended while the question was under way: the service has just answered it,
            // so its word stands for this request and for no other.
            Err(Reason::AuthorityUnavailable) if fresh.is_some() => {
                return self.by_service(waiter, fresh, now);
            }
            Err(reason) => return self.refuse(&facts, None, *reason, now),
        };
        let Some(target) = facts.target else {
            return self.refuse(&facts, None, Reason::OperationUnregistered, now);
        };
        match self.present(&held.mandate, &facts, target, now) {
            Ok(permit) => {
                let attach = self.attach(held);
                self.forward(&facts, Basis::Permit { permit, attach }, now)
            }
            Err(NotNow::Ahead) => self.by_service(waiter, fresh, now),
            Err(NotNow::Refused(reason)) => self.refuse(&facts, Some(&held.mandate), reason, now),
        }
    }
}
