//! What comes back from the token service, and what never does.

use std::rc::Rc;

use caracal_mandate::reason::Reason;
use caracal_mandate::verify::VerifiedMandate;

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

/// The service's yes to one question.
#[derive(Clone, Copy)]
struct Word<'a> {
    mandate: Option<&'a [u8]>,
    /// Until when it may be taken.
    until: Option<u64>,
}

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

    /// Refuses what waited too long, and hands over decisions that did. The calls that were given up
    /// come with it, to be cancelled.
    pub fn give_up_overdue(&mut self, now: Moment) -> (Vec<Settled>, Vec<CallToken>) {
        let mut overdue = self.flights.overdue(now.monotonic_ms);
        let late = self
            .alone
            .iter()
            .filter(|(_, alone)| alone.deadline <= now.monotonic_ms);
        overdue.extend(late.map(|(ticket, _)| *ticket));
        // The ledger has them in the order in which they came.
        overdue.sort_unstable_by_key(|ticket| ticket.0);
        let mut settled: Vec<_> = overdue
            .iter()
            .flat_map(|ticket| self.not_sent(*ticket, now))
            .collect();
        settled.extend(self.give_up_recordings(now));
        self.hand_over_overdue(now);
        let calls = self.calls.extract_if(|_, ticket| overdue.contains(ticket));
        (settled, calls.map(|(call, _)| call).collect())
    }

    /// A request ended while it waited. Its own call went with it.
    pub fn abandoned(&mut self, stream: StreamId) {
        self.alone.retain(|_, alone| alone.waiter.stream != stream);
        self.flights.forget(stream);
        self.recordings.forget(stream);
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
            let word = self.word(answer, alone.asked_ms);
            let verdict = match word {
                Err(reason) => self.refuse(&alone.waiter.facts(), None, reason, now),
                Ok(word) => self.by_service(&alone.waiter, alone.mandate.as_ref(), word, now),
            };
            return vec![(alone.waiter.stream, verdict)];
        }
        let Some(flight) = self.flights.end(ticket) else {
            return Vec::new();
        };
        let word = self.word(answer, flight.asked_ms);
        if !word.is_ok_and(|word| word.mandate.is_some()) {
            self.counts.exchanges_failed = self.counts.exchanges_failed.saturating_add(1);
        }
        self.settle_flight(&flight, word, now)
    }

    fn word<'a>(&self, answer: &'a Answer, asked_ms: u64) -> Result<Word<'a>, Reason> {
        match answer {
            Answer::No(reason) => Err(*reason),
            Answer::Yes {
                mandate,
                read_age_ms,
            } => Ok(Word {
                mandate: mandate.as_deref(),
                until: self.feed.lease().word_until(asked_ms, *read_age_ms),
            }),
        }
    }

    /// Lets a request through on the service's word. An agent's sidecar needs the mandate itself:
    /// a yes without one is of no use to it. `verified` is the mandate, where it is verified here.
    fn by_service(
        &mut self,
        waiter: &Waiter,
        verified: Option<&Rc<VerifiedMandate>>,
        word: Word<'_>,
        now: Moment,
    ) -> Outcome {
        let facts = waiter.facts();
        // The same law as for pongs. An answer that lay in a buffer, or in a process that was
        // stopped, says nothing of what was revoked since.
        let Some(until_ms) = word.until.filter(|until| now.monotonic_ms < *until) else {
            return self.refuse(&facts, None, Reason::AuthorityUnavailable, now);
        };
        // Where signatures are demanded against what the service's database says, its word is not enough.
        let is_signed = verified.is_some_and(|mandate| mandate.descent().is_ok());
        if self.config.delegators.is_some() && !is_signed {
            return self.refuse(&facts, None, Reason::AuthorityUnavailable, now);
        }
        let attach = match (self.config.role, word.mandate.map(std::str::from_utf8)) {
            (Role::Resource | Role::Gateway, _) => None,
            (Role::Agent, Some(Ok(token))) => Some(token.into()),
            (Role::Agent, _) => {
                return self.refuse(&facts, None, Reason::IssuerUnavailable, now);
            }
        };
        let mandate = verified.map(Rc::clone);
        let basis = Basis::Service {
            mandate,
            until_ms,
            attach,
        };
        self.forward(&facts, basis, now)
    }

    fn settle_flight(
        &mut self,
        flight: &Flight,
        word: Result<Word<'_>, Reason>,
        now: Moment,
    ) -> Vec<Settled> {
        let held = word.and_then(|word| {
            let token = word.mandate.ok_or(Reason::IssuerUnavailable)?;
            self.hold(flight, token, now)
        });
        flight
            .waiters
            .iter()
            .map(|waiter| {
                (
                    waiter.stream,
                    self.settle_waiter(waiter, held.as_ref(), word.ok(), now),
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
        let mandate = Rc::new(self.verify(token, now)?);
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
        word: Option<Word<'_>>,
        now: Moment,
    ) -> Outcome {
        let facts = waiter.facts();
        let held = match (held, word) {
            (Ok(held), _) => held,
            // The lease ended while the question was under way: the service has just answered it,
            // so its word stands for this request and for no other.
            (Err(Reason::AuthorityUnavailable), Some(word)) => {
                return self.by_service(waiter, None, word, now);
            }
            (Err(reason), _) => return self.refuse(&facts, None, *reason, now),
        };
        let Some(target) = facts.target else {
            return self.refuse(&facts, None, Reason::OperationUnregistered, now);
        };
        match self.present(&held.mandate, &facts, target, now) {
            Ok(permit) => {
                let basis = Basis::Permit {
                    permit,
                    rests_on: Rc::clone(&held.mandate),
                    attach: self.attach(held),
                };
                self.forward(&facts, basis, now)
            }
            Err(NotNow::Ahead) => match word {
                Some(word) => self.by_service(waiter, Some(&held.mandate), word, now),
                None => self.refuse(&facts, None, Reason::AuthorityUnavailable, now),
            },
            Err(NotNow::Refused(reason)) => self.refuse(&facts, Some(&held.mandate), reason, now),
        }
    }
}
