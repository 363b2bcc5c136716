//! Decisions on their way to the ledger.

use std::collections::VecDeque;

use caracal_mandate::event::Emitter;
use caracal_proto::ledger::{AppendRequest, AppendResponse};
use prost::Message as _;

use crate::config::AuditMode;

/// Most events that wait.
pub const MAX_EVENTS: usize = 16_384;

/// Most events in one call.
const MAX_BATCH_EVENTS: usize = 1000;

/// Most bytes of events in one call.
const MAX_BATCH_BYTES: usize = 512 * 1024;

/// The backlog cannot take another event, and the mode does not let it drop one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the audit backlog is full")]
pub struct Full;

/// Events that are not acknowledged yet, in the order of their numbers.
#[derive(Debug)]
pub struct Backlog {
    mode: AuditMode,
    name: String,
    boot: String,
    next_seq: u64,
    waiting: VecDeque<Vec<u8>>,
    /// How many of `waiting` are in the call that is under way.
    in_flight: Option<usize>,
    dropped: u64,
}

impl Backlog {
    /// An empty backlog of the emitter `name` in its life `boot`.
    #[must_use]
    pub fn new(mode: AuditMode, name: String, boot: String) -> Self {
        Self {
            mode,
            name,
            boot,
            next_seq: 1,
            waiting: VecDeque::new(),
            in_flight: None,
            dropped: 0,
        }
    }

    /// Whether an allow may be recorded now; asked before anything is let through.
    pub fn has_room(&self) -> Result<(), Full> {
        if self.mode == AuditMode::Required && self.waiting.len() >= MAX_EVENTS {
            return Err(Full);
        }
        Ok(())
    }

    /// Numbers an event and takes its canonical bytes. When there is no room, a refusal is
    /// dropped (it let nothing through) and its number is not used up, or, where that is allowed,
    /// the oldest event that is not in flight goes; its missing number shows in the ledger.
    pub fn push(&mut self, write: impl FnOnce(Emitter<&str>) -> serde_json::Result<Vec<u8>>) {
        if self.waiting.len() >= MAX_EVENTS {
            self.dropped = self.dropped.saturating_add(1);
            let oldest = self.in_flight.unwrap_or(0);
            if self.mode == AuditMode::Required || self.waiting.remove(oldest).is_none() {
                return;
            }
        }
        let emitter = Emitter {
            boot: &*self.boot,
            name: &*self.name,
            seq: self.next_seq,
        };
        if let Ok(bytes) = write(emitter) {
            self.waiting.push_back(bytes);
            self.next_seq = self.next_seq.saturating_add(1);
        }
    }

    /// The next call, if there is something to send and none is under way.
    pub fn next_call(&mut self) -> Option<Vec<u8>> {
        if self.in_flight.is_some() || self.waiting.is_empty() {
            return None;
        }
        let mut bytes = 0_usize;
        let fits = |event: &&Vec<u8>| {
            bytes = bytes.saturating_add(event.len());
            bytes <= MAX_BATCH_BYTES
        };
        let batch: Vec<_> = self
            .waiting
            .iter()
            .take(MAX_BATCH_EVENTS)
            .take_while(fits)
            .cloned()
            .collect();
        self.in_flight = Some(batch.len());
        Some(AppendRequest { events: batch }.encode_to_vec())
    }

    /// The call under way was answered. Events go only when all of its batch is durable; otherwise
    /// they are sent again, under the same numbers.
    pub fn answered(&mut self, response: Option<&[u8]>) {
        let Some(sent) = self.in_flight.take() else {
            return;
        };
        let durable = response
            .and_then(|bytes| AppendResponse::decode(bytes).ok())
            .is_some_and(|response| {
                usize::try_from(response.durable).is_ok_and(|count| count == sent)
            });
        if durable {
            self.waiting.drain(..sent.min(self.waiting.len()));
        }
    }

    /// Events that are not acknowledged.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether everything is acknowledged.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Events that found no room.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use caracal_mandate::event::{Action, Component, Event, Outcome};

    fn backlog(mode: AuditMode) -> Backlog {
        Backlog::new(mode, "sidecar".to_owned(), "b00t".to_owned())
    }

    fn record(backlog: &mut Backlog) {
        let (component, action) = (Component::Filter, Action::Request);
        backlog.push(|emitter| {
            Event::new("z", component, action, Outcome::Allow, emitter, 0).to_canonical()
        });
    }

    fn numbers(call: &[u8]) -> Vec<u64> {
        let request = AppendRequest::decode(call).unwrap();
        request
            .events
            .iter()
            .map(|event| Event::from_canonical(event).unwrap().emitter.seq)
            .collect()
    }

    fn durable(count: u64) -> Vec<u8> {
        AppendResponse { durable: count }.encode_to_vec()
    }

    #[test]
    fn events_are_sent_again_under_the_same_numbers_until_they_are_durable() {
        let mut backlog = backlog(AuditMode::Required);
        (0..3).for_each(|_| record(&mut backlog));
        let first = backlog.next_call().unwrap();
        assert_eq!(backlog.next_call(), None, "one call at a time");
        backlog.answered(None);
        assert_eq!(backlog.next_call().unwrap(), first);
        record(&mut backlog);
        backlog.answered(Some(&durable(2)));
        assert_eq!(numbers(&backlog.next_call().unwrap()), [1, 2, 3, 4]);
        backlog.answered(Some(&durable(4)));
        assert!(backlog.is_empty());
    }

    #[test]
    fn when_audit_is_required_a_full_backlog_closes_the_gate_and_loses_nothing() {
        let mut backlog = backlog(AuditMode::Required);
        (0..MAX_EVENTS).for_each(|_| record(&mut backlog));
        assert_eq!(backlog.has_room(), Err(Full));
        record(&mut backlog);
        assert_eq!((backlog.len(), backlog.dropped()), (MAX_EVENTS, 1));
        assert_eq!(numbers(&backlog.next_call().unwrap())[0], 1);
    }

    #[test]
    fn best_effort_drops_the_oldest_and_its_number_is_missing() {
        let mut backlog = backlog(AuditMode::Besteffort);
        (0..=MAX_EVENTS).for_each(|_| record(&mut backlog));
        assert_eq!(backlog.has_room(), Ok(()));
        assert_eq!(numbers(&backlog.next_call().unwrap())[0], 2);
    }

    #[test]
    fn what_is_in_flight_is_not_dropped() {
        let mut backlog = backlog(AuditMode::Besteffort);
        (0..MAX_EVENTS).for_each(|_| record(&mut backlog));
        let sent = numbers(&backlog.next_call().unwrap());
        record(&mut backlog);
        backlog.answered(Some(&durable(u64::try_from(sent.len()).unwrap())));
        let next = numbers(&backlog.next_call().unwrap());
        assert_eq!(
            next[0],
            sent.last().unwrap() + 2,
            "the oldest that was not in flight went"
        );
    }
}
