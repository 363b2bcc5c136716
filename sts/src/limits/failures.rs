//! Failed attempts to be a client, as one process counts them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

/// Failures of one source for one client in one window, before it is told to slow down.
pub(super) const MAX_FAILURES: u32 = 10;

/// Length of a window in milliseconds of monotonic time.
pub(super) const WINDOW_MS: u64 = 60_000;

/// Most pairs that are counted at a time.
const MAX_PAIRS: usize = 65_536;

/// Longest client id that is counted by itself; a name has 63 characters.
pub(super) const MAX_CLIENT_BYTES: usize = 64;

#[derive(Debug, PartialEq, Eq, Hash)]
struct Pair {
    source: Option<IpAddr>,
    zone: Box<str>,
    client: Box<str>,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    started_ms: u64,
    failures: u32,
}

/// The counters.
#[derive(Debug, Default)]
pub(super) struct Failures(Mutex<HashMap<Pair, Window>>);

impl Failures {
    /// Counts a failure. False once there were too many.
    pub(super) fn count(
        &self,
        source: Option<IpAddr>,
        zone: &str,
        client: &str,
        now_ms: u64,
    ) -> bool {
        let client = client.get(..MAX_CLIENT_BYTES).unwrap_or(client);
        let pair = Pair {
            source,
            zone: zone.into(),
            client: client.into(),
        };
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let open = |window: &Window| now_ms.saturating_sub(window.started_ms) < WINDOW_MS;
        if windows.len() >= MAX_PAIRS && !windows.contains_key(&pair) {
            windows.retain(|_, window| open(window));
            // Still full: an attack from everywhere. Those who are new to it are told to slow down.
            if windows.len() >= MAX_PAIRS {
                return false;
            }
        }
        let fresh = Window {
            started_ms: now_ms,
            failures: 0,
        };
        let window = windows.entry(pair).or_insert(fresh);
        if !open(window) {
            *window = fresh;
        }
        window.failures = window.failures.saturating_add(1);
        window.failures <= MAX_FAILURES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_counted_for_source_and_client_together() {
        let failures = Failures::default();
        let (here, there) = (Some([192, 0, 2, 1].into()), Some([192, 0, 2, 2].into()));
        for _ in 0..MAX_FAILURES {
            assert!(failures.count(here, "z", "payout", 0));
        }
        assert!(!failures.count(here, "z", "payout", 0));
        assert!(failures.count(there, "z", "payout", 0));
        assert!(failures.count(here, "z", "other", 0));
        assert!(failures.count(here, "y", "payout", 0));
        assert!(!failures.count(here, "z", "payout", WINDOW_MS - 1));
        assert!(failures.count(here, "z", "payout", WINDOW_MS));
    }

    #[test]
    fn the_memory_is_bounded() {
        let failures = Failures::default();
        for index in 0..MAX_PAIRS {
            assert!(failures.count(None, "z", &index.to_string(), 0));
        }
        assert!(!failures.count(None, "z", "one-more", 0));
        assert_eq!(failures.0.lock().unwrap().len(), MAX_PAIRS);
        assert!(failures.count(None, "z", "one-more", WINDOW_MS));
        assert_eq!(failures.0.lock().unwrap().len(), 1);
    }
}
