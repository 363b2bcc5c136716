//! When this process asked the database for its latest commits, to measure how long it takes until they
//! are known everywhere. Nothing is decided by it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

/// Commits that are remembered. Who measures does so within milliseconds.
const KEPT: usize = 256;

/// Positions and moments, the latest last.
#[derive(Debug, Clone, Default)]
pub(crate) struct Moments(Arc<Mutex<VecDeque<(u64, Instant)>>>);

impl Moments {
    /// Two tasks may get here in either order of their positions.
    pub(crate) fn note(&self, seq: u64, at: Instant) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.pop_front();
        }
        kept.push_back((seq, at));
    }

    pub(crate) fn of(&self, seq: u64) -> Option<Instant> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.iter().rev().find(|(of, _)| *of == seq);
        found.map(|(_, at)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_remembered_and_the_oldest_forgotten() {
        let moments = Moments::default();
        let at = Instant::now();
        let last = u64::try_from(KEPT).unwrap();
        for seq in 0..=last {
            moments.note(seq, at);
        }
        assert_eq!(moments.of(last), Some(at));
        assert_eq!(moments.of(1), Some(at));
        assert_eq!(moments.of(0), None);
    }
}
