//! Decisions on their way to the ledger.

use std::collections::VecDeque;

use caracal_proto::ledger::AppendResponse;
use prost::Message as _;

use crate::config::AuditMode;
use crate::decision::{Decision, encode_text};
use crate::time::Moment;

/// Most decisions that wait.
pub const MAX_EVENTS: usize = 16_384;

/// Most bytes that wait: a full backlog of usual decisions, or fewer large ones.
pub const MAX_BYTES: usize = 8 * 1024 * 1024;

/// Most decisions in one call: a worker that sends it is away from its requests for well under a
/// millisecond.
const MAX_BATCH_EVENTS: usize = 256;

/// Most bytes of decisions in one call, unless a single one is larger.
const MAX_BATCH_BYTES: usize = 256 * 1024;

/// Shortest and longest pause after a call that failed. A ledger that is slow because it is
/// overloaded must not be given the same decisions over and over.
const PAUSE_MS: (u64, u64) = (100, 5000);

/// The backlog cannot take another decision, and the mode does not let it drop one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the audit backlog is full")]
pub struct Full;

/// How much of the front of the backlog is in the call that is under way.
#[derive(Debug, Clone, Copy)]
struct Batch {
    events: usize,
    bytes: usize,
}

/// Decisions that are not acknowledged yet, in the order of their numbers.
#[derive(Debug)]
pub struct Backlog {
    mode: AuditMode,
    /// Who decides, as each call begins.
    emitter: Vec<u8>,
    next_seq: u64,
    /// The decisions, one behind the other, as a call carries them.
    waiting: Vec<u8>,
    lengths: VecDeque<usize>,
    in_flight: Option<Batch>,
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
            waiting: Vec::new(),
            lengths: VecDeque::new(),
            in_flight: None,
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

    fn is_full(&self) -> bool {
        self.lengths.len() >= MAX_EVENTS || self.waiting.len() >= MAX_BYTES
    }

    /// Numbers a decision and takes it. When there is no room, a refusal is dropped (it let
    /// nothing through) and its number is not used up, or, where that is allowed, the oldest
    /// decision that is not in flight goes; its missing number shows in the ledger.
    pub fn push(&mut self, decision: &Decision<'_>) {
        if self.is_full() {
            self.dropped = self.dropped.saturating_add(1);
            if self.mode == AuditMode::Required || self.drop_oldest().is_none() {
                return;
            }
        }
        let before = self.waiting.len();
        decision.encode(self.next_seq, &mut self.waiting);
        self.next_seq = self.next_seq.saturating_add(1);
        self.lengths
            .push_back(self.waiting.len().saturating_sub(before));
    }

    fn drop_oldest(&mut self) -> Option<()> {
        let in_flight = self
            .in_flight
            .map_or((0, 0), |batch| (batch.events, batch.bytes));
        let length = self.lengths.remove(in_flight.0)?;
        self.waiting
            .drain(in_flight.1..in_flight.1.saturating_add(length).min(self.waiting.len()));
        Some(())
    }

    /// The next call, if there is something to send, none is under way, and the last one did not
    /// fail just now.
    pub fn next_call(&mut self, now: Moment) -> Option<Vec<u8>> {
        if self.in_flight.is_some() || now.monotonic_ms < self.not_before {
            return None;
        }
        let mut batch = Batch {
            events: 0,
            bytes: 0,
        };
        for length in self.lengths.iter().take(MAX_BATCH_EVENTS) {
            let bytes = batch.bytes.saturating_add(*length);
            if batch.events > 0 && bytes > MAX_BATCH_BYTES {
                break;
            }
            batch = Batch {
                events: batch.events.saturating_add(1),
                bytes,
            };
        }
        let decisions = self
            .waiting
            .get(..batch.bytes)
            .filter(|_| batch.events > 0)?;
        self.in_flight = Some(batch);
        Some([self.emitter.as_slice(), decisions].concat())
    }

    /// The call under way was answered. Decisions go only when all of its batch is durable;
    /// otherwise they are sent again, under the same numbers.
    pub fn answered(&mut self, response: Option<&[u8]>, now: Moment) {
        let Some(sent) = self.in_flight.take() else {
            return;
        };
        let durable = response
            .and_then(|bytes| AppendResponse::decode(bytes).ok())
            .is_some_and(|response| {
                usize::try_from(response.durable).is_ok_and(|count| count == sent.events)
            });
        if durable {
            (self.pause_ms, self.not_before) = (0, 0);
            self.lengths.drain(..sent.events.min(self.lengths.len()));
            self.waiting.drain(..sent.bytes.min(self.waiting.len()));
        } else {
            let (shortest, longest) = PAUSE_MS;
            self.pause_ms = self.pause_ms.saturating_mul(2).clamp(shortest, longest);
            self.not_before = now.monotonic_ms.saturating_add(self.pause_ms);
        }
    }

    /// Whether a whole call's worth waits, so that the next one should not.
    #[must_use]
    pub fn is_pressing(&self) -> bool {
        self.lengths.len() >= MAX_BATCH_EVENTS
    }

    /// Decisions that are not acknowledged.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lengths.len()
    }

    /// Whether everything is acknowledged.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    /// Decisions that found no room.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use caracal_proto::ledger::AppendRequest;

    fn backlog(mode: AuditMode) -> Backlog {
        Backlog::new(mode, "z", "sidecar", "b00t")
    }

    fn at(monotonic_ms: u64) -> Moment {
        Moment {
            monotonic_ms,
            unix_ms: 0,
        }
    }

    fn record(backlog: &mut Backlog) {
        backlog.push(&Decision {
            time_ms: 1,
            ..Decision::default()
        });
    }

    fn numbers(call: &[u8]) -> Vec<u64> {
        let request = AppendRequest::decode(call).unwrap();
        assert_eq!(
            [request.zone, request.name, request.boot],
            ["z", "sidecar", "b00t"]
        );
        request.decisions.iter().map(|event| event.seq).collect()
    }

    fn durable(count: u64) -> Vec<u8> {
        AppendResponse { durable: count }.encode_to_vec()
    }

    #[test]
    fn events_are_sent_again_under_the_same_numbers_until_they_are_durable() {
        let mut backlog = backlog(AuditMode::Required);
        (0..3).for_each(|_| record(&mut backlog));
        let first = backlog.next_call(at(0)).unwrap();
        assert_eq!(backlog.next_call(at(0)), None, "one call at a time");
        backlog.answered(None, at(0));
        assert_eq!(backlog.next_call(at(100)).unwrap(), first);
        record(&mut backlog);
        backlog.answered(Some(&durable(2)), at(100));
        assert_eq!(numbers(&backlog.next_call(at(400)).unwrap()), [1, 2, 3, 4]);
        backlog.answered(Some(&durable(4)), at(0));
        assert!(backlog.is_empty());
    }

    #[test]
    fn when_audit_is_required_a_full_backlog_closes_the_gate_and_loses_nothing() {
        let mut backlog = backlog(AuditMode::Required);
        (0..MAX_EVENTS).for_each(|_| record(&mut backlog));
        assert_eq!(backlog.has_room(), Err(Full));
        record(&mut backlog);
        assert_eq!((backlog.len(), backlog.dropped()), (MAX_EVENTS, 1));
        assert_eq!(numbers(&backlog.next_call(at(0)).unwrap())[0], 1);
    }

    #[test]
    fn best_effort_drops_the_oldest_and_its_number_is_missing() {
        let mut backlog = backlog(AuditMode::Besteffort);
        (0..=MAX_EVENTS).for_each(|_| record(&mut backlog));
        assert_eq!(backlog.has_room(), Ok(()));
        assert_eq!(numbers(&backlog.next_call(at(0)).unwrap())[0], 2);
    }

    #[test]
    fn what_is_in_flight_is_not_dropped() {
        let mut backlog = backlog(AuditMode::Besteffort);
        (0..MAX_EVENTS).for_each(|_| record(&mut backlog));
        let sent = numbers(&backlog.next_call(at(0)).unwrap());
        record(&mut backlog);
        backlog.answered(Some(&durable(u64::try_from(sent.len()).unwrap())), at(0));
        let next = numbers(&backlog.next_call(at(0)).unwrap());
        assert_eq!(
            next[0],
            sent.last().unwrap() + 2,
            "the oldest that was not in flight went"
        );
    }

    #[test]
    fn large_decisions_are_bounded_by_their_bytes_and_go_in_smaller_calls() {
        let mut backlog = backlog(AuditMode::Required);
        let path = "a".repeat(MAX_BATCH_BYTES / 2);
        let large = Decision {
            path: &path,
            ..Decision::default()
        };
        while backlog.has_room().is_ok() {
            backlog.push(&large);
        }
        assert_eq!(backlog.len(), MAX_BYTES / path.len());
        assert_eq!(numbers(&backlog.next_call(at(0)).unwrap()), [1]);
        backlog.answered(Some(&durable(1)), at(0));
        assert_eq!(numbers(&backlog.next_call(at(0)).unwrap()), [2]);
        let path = "a".repeat(MAX_BATCH_BYTES * 2);
        let mut backlog = super::tests::backlog(AuditMode::Required);
        backlog.push(&Decision {
            path: &path,
            ..large
        });
        assert_eq!(
            numbers(&backlog.next_call(at(0)).unwrap()),
            [1],
            "never stuck"
        );
    }

    #[test]
    fn a_ledger_that_fails_is_given_more_and_more_time_and_none_once_it_answers() {
        let mut backlog = backlog(AuditMode::Required);
        record(&mut backlog);
        let mut now = 0;
        for pause in [100, 200, 400, 800, 1600, 3200, 5000, 5000] {
            assert!(backlog.next_call(at(now)).is_some());
            backlog.answered(None, at(now));
            assert!(backlog.next_call(at(now + pause - 1)).is_none());
            now += pause;
        }
        assert!(backlog.next_call(at(now)).is_some());
        backlog.answered(Some(&durable(1)), at(now));
        record(&mut backlog);
        assert!(backlog.next_call(at(now)).is_some());
    }

    #[test]
    fn a_whole_call_that_waits_is_pressing() {
        let mut backlog = backlog(AuditMode::Required);
        (1..MAX_BATCH_EVENTS).for_each(|_| record(&mut backlog));
        assert!(!backlog.is_pressing());
        record(&mut backlog);
        assert!(backlog.is_pressing());
    }
}
