//! Failed attempts to be a client.
//!
//! Counted for source address and client together, so that whoever knows a public `client_id` can
//! use up the attempts of its own address only. And a proof that is good is good: behind an address
//! that many share, somebody else's failures must not lock a client out, which costs nothing where
//! secrets have 256 random bits. What the limit takes away is the work of recording failures, and
//! the answer that says `invalid_client`.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

/// Failures of one source for one client in one window, before it is told to slow down.
const MAX_FAILURES: u32 = 10;

/// Length of a window in milliseconds of monotonic time.
const WINDOW_MS: u64 = 60_000;

/// Most pairs that are counted at a time.
const MAX_PAIRS: usize = 65_536;

/// Longest client id that is counted by itself; a name has 63 characters.
const MAX_CLIENT_BYTES: usize = 64;

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
pub(crate) struct Attempts(Mutex<HashMap<Pair, Window>>);

impl Attempts {
    /// Counts a failure. False once there were too many.
    pub(crate) fn failed(
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
        let attempts = Attempts::default();
        let (here, there) = (Some([192, 0, 2, 1].into()), Some([192, 0, 2, 2].into()));
        for _ in 0..MAX_FAILURES {
            assert!(attempts.failed(here, "z", "payout", 0));
        }
        assert!(!attempts.failed(here, "z", "payout", 0));
        assert!(attempts.failed(there, "z", "payout", 0));
        assert!(attempts.failed(here, "z", "other", 0));
        assert!(attempts.failed(here, "y", "payout", 0));
        assert!(!attempts.failed(here, "z", "payout", WINDOW_MS - 1));
        assert!(attempts.failed(here, "z", "payout", WINDOW_MS));
    }

    #[test]
    fn the_memory_is_bounded() {
        let attempts = Attempts::default();
        for index in 0..MAX_PAIRS {
            assert!(attempts.failed(None, "z", &index.to_string(), 0));
        }
        assert!(!attempts.failed(None, "z", "one-more", 0));
        assert_eq!(attempts.0.lock().unwrap().len(), MAX_PAIRS);
        assert!(attempts.failed(None, "z", "one-more", WINDOW_MS));
        assert_eq!(attempts.0.lock().unwrap().len(), 1);
    }
}
