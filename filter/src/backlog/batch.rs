//! Decisions of one call.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use crate::decision::{Draft, End};

/// Most decisions in one call: a worker that sends it is away from its requests for well under a
/// millisecond.
pub(super) const MAX_BATCH_EVENTS: usize = 256;

/// Bytes at which a call takes no further decision; the last one may go beyond it.
pub(super) const MAX_BATCH_BYTES: usize = 256 * 1024;

/// Decisions, one behind the other, as a call carries them.
#[derive(Debug, Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    /// Bytes in front that are of decisions which were dropped.
    gone: usize,
    lengths: VecDeque<usize>,
    /// Number of the last decision. The others come right before it.
    last: u64,
}

impl Batch {
    /// Whether the decision of this number may be added: there is room, and no number between.
    pub(super) fn takes(&self, seq: u64) -> bool {
        self.lengths.len() < MAX_BATCH_EVENTS
            && self.bytes.len() < MAX_BATCH_BYTES
            && self.last.checked_add(1) == Some(seq)
    }

    /// Adds a decision; tells its bytes.
    pub(super) fn push(&mut self, seq: u64, draft: &Draft, end: End) -> usize {
        let before = self.bytes.len();
        draft.encode(seq, end, &mut self.bytes);
        let length = self.bytes.len().saturating_sub(before);
        self.lengths.push_back(length);
        self.last = seq;
        length
    }

    /// Drops the oldest decision; tells its bytes.
    pub(super) fn drop_first(&mut self) -> Option<usize> {
        let length = self.lengths.pop_front()?;
        self.gone = self.gone.saturating_add(length);
        Some(length)
    }

    /// Their numbers, if there are any.
    pub(super) fn numbers(&self) -> RangeInclusive<u64> {
        let others = u64::try_from(self.lengths.len())
            .unwrap_or(u64::MAX)
            .saturating_sub(1);
        self.last.saturating_sub(others)..=self.last
    }

    /// All of them.
    pub(super) fn decisions(&self) -> &[u8] {
        self.bytes.get(self.gone..).unwrap_or_default()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.lengths.len()
    }

    /// Whether none is left.
    pub(super) fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }
}
