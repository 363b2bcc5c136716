//! Whether a policy has been quick so far.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// An evaluation that takes longer is slow. Usual ones take 50 us; the rest is room for a thread
/// that has to wait for its core.
const QUICK: Duration = Duration::from_millis(5);

/// Quick evaluations in a row before a policy counts as quick.
const IN_A_ROW: u32 = 8;

/// How many evaluations in a row were quick.
#[derive(Debug, Default)]
pub(super) struct Pace(AtomicU32);

impl Pace {
    pub(super) fn is_quick(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= IN_A_ROW
    }

    /// Counts one evaluation. A count that is lost between two threads costs nothing.
    pub(super) fn took(&self, took: Duration) {
        let in_a_row = if took > QUICK {
            0
        } else {
            self.0.load(Ordering::Relaxed).saturating_add(1)
        };
        self.0.store(in_a_row, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_quick_after_some_quick_evaluations_and_until_a_slow_one() {
        let pace = Pace::default();
        for _ in 0..IN_A_ROW {
            assert!(!pace.is_quick());
            pace.took(QUICK);
        }
        assert!(pace.is_quick());
        pace.took(QUICK + Duration::from_micros(1));
        assert!(!pace.is_quick());
    }
}
