//! How long to wait before the next try.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Random;

/// The first wait, and the longest.
const FIRST_MS: u64 = 50;
const LONGEST_MS: u64 = 5_000;

/// Doubles from try to try. Half of each wait is random, so that replicas that lost a server together
/// do not come back to it together.
pub(super) struct Backoff {
    random: Arc<dyn Random>,
    wait_ms: u64,
}

impl Backoff {
    pub(super) fn new(random: Arc<dyn Random>) -> Self {
        Self {
            random,
            wait_ms: FIRST_MS,
        }
    }

    /// It worked.
    pub(super) const fn reset(&mut self) {
        self.wait_ms = FIRST_MS;
    }

    /// The next wait.
    pub(super) fn next(&mut self) -> Duration {
        let half = self.wait_ms / 2;
        self.wait_ms = self.wait_ms.saturating_mul(2).min(LONGEST_MS);
        let mut bits = [0; 8];
        // Without randomness all wait the same, which is still a wait.
        let share = match self.random.fill(&mut bits) {
            Ok(()) => u64::from_be_bytes(bits).checked_rem(half.saturating_add(1)),
            Err(_) => None,
        };
        Duration::from_millis(half.saturating_add(share.unwrap_or(half)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemRandom;

    #[test]
    fn waits_grow_to_a_bound_and_start_anew_after_a_success() {
        let mut backoff = Backoff::new(Arc::new(SystemRandom::new()));
        let mut full = FIRST_MS;
        for _ in 0..20 {
            let wait = u64::try_from(backoff.next().as_millis()).unwrap();
            assert!((full / 2..=full).contains(&wait), "{wait} of {full}");
            full = (full * 2).min(LONGEST_MS);
        }
        assert_eq!(full, LONGEST_MS);
        backoff.reset();
        assert!(backoff.next() <= Duration::from_millis(FIRST_MS));
    }
}
