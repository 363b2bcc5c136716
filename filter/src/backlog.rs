//! Decisions on their way to the ledger.
//!
//! A decision has its place here from the moment that it is made. It may wait for what becomes of its
//! request, and gets its number when it is handed over: numbers have no gaps, and are in that order.

mod batch;
mod spares;

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use caracal_proto::ledger::AppendResponse;
use prost::Message as _;

use self::batch::{Batch, MAX_BATCH_EVENTS};
use self::spares::Spares;
use crate::config::AuditMode;
use crate::decision::{Decision, Draft, End, encode_text};
use crate::time::Moment;

/// Most decisions that wait, handed over or not.
pub const MAX_EVENTS: usize = 16_384;

/// Most bytes that wait: a full backlog of usual decisions, or fewer large ones.
pub const MAX_BYTES: usize = 8 * 1024 * 1024;

/// Shortest and longest pause after a call that failed. A ledger that is slow because it is
/// overloaded must not be given the same decisions over and over.
const PAUSE_MS: (u64, u64) = (100, 5000);

/// The backlog cannot take another decision, and the mode does not let it drop one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the audit backlog is full")]
pub struct Full;

/// Decisions that are not acknowledged yet: those that were handed over in the order of their numbers,
/// and room for those that were not.
#[derive(Debug)]
pub struct Backlog {
    mode: AuditMode,
    /// Who decides, as each call begins.
    emitter: Vec<u8>,
    next_seq: u64,
    /// Cut into calls as they come, so that nothing is moved when one is durable or dropped.
    batches: VecDeque<Batch>,
    /// Decisions, and their bytes, in all batches.
    events: usize,
    bytes: usize,
    /// The same of those that are not handed over.
    waiting: usize,
    waiting_bytes: usize,
    spares: Spares,
    /// Whether the first batch is in a call that is under way.
    in_flight: bool,
    /// No call before this, in monotonic milliseconds.
    not_before: u64,
    pause_ms: u64,
    dropped: u64,
}

impl Backlog {
    /// An empty backlog of the emitter `name` of `zone` in its life `boot`.
    #[must_use]
    pub fn new(mode: AuditMode, zone: &str, name: &str, boot: &str) -> Self {
        let mut emitter = Vec::new();
        // AppendRequest: zone 1, name 2, boot 3.
        for (tag, text) in [(1, zone), (2, name), (3, boot)] {
            encode_text(tag, text, &mut emitter);
        }
        Self {
            mode,
            emitter,
            next_seq: 1,
            batches: VecDeque::new(),
            events: 0,
            bytes: 0,
            waiting: 0,
            waiting_bytes: 0,
            spares: Spares::default(),
            in_flight: false,
            not_before: 0,
            pause_ms: 0,
            dropped: 0,
        }
    }

    /// Whether an allow may be recorded now; asked before anything is let through.
    pub fn has_room(&self) -> Result<(), Full> {
        if self.mode == AuditMode::Required && self.is_full() {
            return Err(Full);
        }
        Ok(())
    }

    /// Whether a further decision would have to be dropped, or another one for it.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.len() >= MAX_EVENTS || self.bytes.saturating_add(self.waiting_bytes) >= MAX_BYTES
    }

    /// Takes a decision and hands it over; gives its number, unless it was dropped.
    pub fn push(&mut self, decision: &Decision<'_>, end: End) -> Option<u64> {
        let draft = self.take(decision)?;
        Some(self.hand_over(draft, end))
    }

    /// Takes a decision. When there is no room, a refusal is dropped (it let nothing through) and its
    /// number is not used up, or, where that is allowed, the oldest decision that was handed over and is
    /// not in flight goes; its missing number shows in the ledger.
    pub fn take(&mut self, decision: &Decision<'_>) -> Option<Draft> {
        if self.is_full() {
            self.dropped = self.dropped.saturating_add(1);
            if self.mode == AuditMode::Required {
                return None;
            }
            if self.drop_oldest().is_none() {
                // All of them wait. Then this one goes, and a number with it, so that it shows as well.
                self.next_seq = self.next_seq.saturating_add(1);
                return None;
            }
        }
        let draft = Draft::new(self.spares.take(), decision);
        self.waiting = self.waiting.saturating_add(1);
        self.waiting_bytes = self.waiting_bytes.saturating_add(draft.len());
        Some(draft)
    }

    /// Numbers a decision that was taken. It has its room already.
    pub fn hand_over(&mut self, draft: Draft, end: End) -> u64 {
        self.waiting = self.waiting.saturating_sub(1);
        self.waiting_bytes = self.waiting_bytes.saturating_sub(draft.len());
        let begun = match self.batches.len() {
            // What is in flight is not added to.
            0 => false,
            1 => !self.in_flight,
            _ => true,
        };
        let open = self
            .batches
            .back_mut()
            .filter(|batch| begun && batch.takes(self.next_seq));
        let added = if let Some(batch) = open {
            batch.push(self.next_seq, &draft, end)
        } else {
            let mut batch = Batch::default();
            let added = batch.push(self.next_seq, &draft, end);
            self.batches.push_back(batch);
            added
        };
        let number = self.next_seq;
        self.next_seq = number.saturating_add(1);
        self.events = self.events.saturating_add(1);
        self.bytes = self.bytes.saturating_add(added);
        self.spares.keep(draft.into_buffer());
        number
    }

    fn drop_oldest(&mut self) -> Option<()> {
        let at = usize::from(self.in_flight);
        let batch = self.batches.get_mut(at)?;
        let length = batch.drop_first()?;
        if batch.is_empty() {
            self.batches.remove(at);
        }
        self.events = self.events.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(length);
        Some(())
    }

    /// The next call, if there is something to send, none is under way, and the last one did not
    /// fail just now.
    pub fn next_call(&mut self, now: Moment) -> Option<Vec<u8>> {
        if self.in_flight || now.monotonic_ms < self.not_before {
            return None;
        }
        let batch = self.batches.front()?;
        self.in_flight = true;
        Some([self.emitter.as_slice(), batch.decisions()].concat())
    }

    /// The call under way was answered. Decisions go only when all of its batch is durable;
    /// otherwise they are sent again, under the same numbers. Gives the numbers that are durable now.
    pub fn answered(
        &mut self,
        response: Option<&[u8]>,
        now: Moment,
    ) -> Option<RangeInclusive<u64>> {
        if !std::mem::take(&mut self.in_flight) {
            return None;
        }
        let sent = self.batches.front()?;
        let durable = response
            .and_then(|bytes| AppendResponse::decode(bytes).ok())
            .is_some_and(|response| {
                usize::try_from(response.durable).is_ok_and(|count| count == sent.len())
            });
        if durable {
            (self.pause_ms, self.not_before) = (0, 0);
            self.events = self.events.saturating_sub(sent.len());
            self.bytes = self.bytes.saturating_sub(sent.decisions().len());
            let numbers = sent.numbers();
            self.batches.pop_front();
            Some(numbers)
        } else {
            let (shortest, longest) = PAUSE_MS;
            self.pause_ms = self.pause_ms.saturating_mul(2).clamp(shortest, longest);
            self.not_before = now.monotonic_ms.saturating_add(self.pause_ms);
            None
        }
    }

    /// Whether a whole call's worth waits, so that the next one should not.
    #[must_use]
    pub const fn is_pressing(&self) -> bool {
        self.events >= MAX_BATCH_EVENTS
    }

    /// Decisions that are not acknowledged, handed over or not.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.events.saturating_add(self.waiting)
    }

    /// Whether everything is acknowledged.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Decisions that were taken and not handed over.
    #[must_use]
    pub const fn waiting(&self) -> usize {
        self.waiting
    }

    /// Decisions that found no room.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests;
