//! Requests of irreversible operations, which wait until their decision is durable.
//!
//! They are decided, and the decision is on its way under a number. A request goes on only when the
//! ledger has confirmed that very number, and after another look at its mandate, which may have been
//! revoked meanwhile. Whatever else happens refuses it: the ledger is away, the decision was dropped on
//! its way, the time is over.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use caracal_mandate::reason::Reason;
use caracal_mandate::verify::{Permit, VerifiedMandate};

use super::decide::NotNow;
use super::facts::{Facts, StreamId, Waiter};
use super::verdict::{Basis, Outcome};
use super::{Engine, HeldMandate, MAX_WAITING, Settled};
use crate::config::Mode;
use crate::time::Moment;

/// One request.
#[derive(Debug)]
struct Recording {
    /// Number of its decision.
    number: u64,
    waiter: Waiter,
    mandate: Rc<VerifiedMandate>,
    attach: Option<Rc<HeldMandate>>,
    deadline: u64,
}

/// All of them, in the order of their numbers.
#[derive(Debug, Default)]
pub(super) struct Recordings(VecDeque<Recording>);

impl Recordings {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// A request is gone.
    pub(super) fn forget(&mut self, stream: StreamId) {
        self.0.retain(|recording| recording.waiter.stream != stream);
    }

    /// Takes out those whose numbers are at most this.
    fn take_through(&mut self, number: u64) -> VecDeque<Recording> {
        let count = self
            .0
            .partition_point(|recording| recording.number <= number);
        let rest = self.0.split_off(count);
        std::mem::replace(&mut self.0, rest)
    }

    /// Takes out those whose time is over.
    fn take_overdue(&mut self, now: Moment) -> VecDeque<Recording> {
        let late = |recording: &Recording| recording.deadline <= now.monotonic_ms;
        let (late, waiting) = self.0.drain(..).partition(late);
        self.0 = waiting;
        late
    }
}

impl Engine {
    /// Whether this request may not go on before its decision is durable. What only shadows lets it
    /// pass in any case.
    pub(super) fn must_be_durable(&self, facts: &Facts<'_>) -> bool {
        let irreversible = facts
            .target
            .is_some_and(|target| target.operation.irreversible);
        irreversible && self.config.mode == Mode::Enforce
    }

    /// Records the yes, and has the request wait until that is durable.
    pub(super) fn record_first(
        &mut self,
        facts: &Facts<'_>,
        permit: &Permit<'_>,
        mandate: Rc<VerifiedMandate>,
        attach: Option<Rc<HeldMandate>>,
        now: Moment,
    ) -> Outcome {
        let entry = self
            .feed
            .live(now.monotonic_ms)
            .and_then(|authority| authority.catalog.by_host(facts.host).map(Arc::clone));
        let (Some(entry), Some(target)) = (entry, facts.target) else {
            return self.refuse(
                facts,
                Some(permit.mandate()),
                Reason::AuthorityUnavailable,
                now,
            );
        };
        let has_room = !self.backlog.is_full() && self.waiting() < MAX_WAITING;
        let number = has_room.then(|| self.record(facts, Some(permit.mandate()), None, now));
        let Some(number) = number.flatten() else {
            return self.refuse(facts, Some(permit.mandate()), Reason::AuditUnavailable, now);
        };
        let waiter = Waiter::new(facts, Some((entry, target.operation.clone())));
        self.recordings.0.push_back(Recording {
            number,
            waiter,
            mandate,
            attach,
            deadline: self.deadline(now),
        });
        Outcome::Record
    }

    /// The call under way to the ledger was answered, or failed (`None`).
    pub fn ledger_answered(&mut self, response: Option<&[u8]>, now: Moment) -> Vec<Settled> {
        let Some(durable) = self.backlog.answered(response, now) else {
            return Vec::new();
        };
        let settled = self.recordings.take_through(*durable.end());
        settled
            .iter()
            .map(|recording| {
                // One that was dropped on its way has a number before these.
                let outcome = if durable.contains(&recording.number) {
                    self.recorded(recording, now)
                } else {
                    self.unrecorded(recording, now)
                };
                (recording.waiter.stream, outcome)
            })
            .collect()
    }

    /// Refuses those that waited too long for the ledger.
    pub(super) fn give_up_recordings(&mut self, now: Moment) -> Vec<Settled> {
        let overdue = self.recordings.take_overdue(now);
        overdue
            .iter()
            .map(|recording| (recording.waiter.stream, self.unrecorded(recording, now)))
            .collect()
    }

    /// Whether a request waits for the ledger, which should be given its decision at once.
    #[must_use]
    pub fn is_recording(&self) -> bool {
        self.recordings.len() > 0
    }

    fn recorded(&mut self, recording: &Recording, now: Moment) -> Outcome {
        let facts = recording.waiter.facts();
        let mandate = &recording.mandate;
        let Some(target) = facts.target else {
            return self.refuse(&facts, Some(mandate), Reason::OperationUnregistered, now);
        };
        // There was room when it was decided.
        if self.streams.is_full() {
            return self.refuse(&facts, Some(mandate), Reason::AuthorityUnavailable, now);
        }
        match self.present(mandate, &facts, target, now) {
            Ok(permit) => {
                let basis = Basis::Permit {
                    permit,
                    rests_on: Rc::clone(mandate),
                    attach: recording.attach.clone(),
                };
                let entry = self.entered(recording.number, facts.request_id);
                self.release(&facts, basis, entry, now)
            }
            Err(NotNow::Ahead) => {
                self.refuse(&facts, Some(mandate), Reason::AuthorityUnavailable, now)
            }
            Err(NotNow::Refused(reason)) => self.refuse(&facts, Some(mandate), reason, now),
        }
    }

    fn unrecorded(&mut self, recording: &Recording, now: Moment) -> Outcome {
        let facts = recording.waiter.facts();
        self.refuse(
            &facts,
            Some(&recording.mandate),
            Reason::AuditUnavailable,
            now,
        )
    }
}
