//! Freshness, and each message once.

use std::collections::BTreeSet;

use super::message::WakeUp;

/// Most messages that are remembered: a window of 30 s with 500 messages each second. Replicas that
/// commit say one thing for many commits.
const MAX_REMEMBERED: usize = 32_768;

/// Why an authentic message is not acted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unfit {
    #[error("sent too long ago, or in the future")]
    Stale,
    #[error("sent before")]
    Replayed,
    #[error("too many to tell them apart")]
    Crowded,
}

/// Remembers the messages that are fresh. What is forgotten when the process ends could be replayed to
/// the next one, and would wake it once.
#[derive(Debug)]
pub(super) struct Guard {
    window_ms: u64,
    /// Before this nothing is fresh any more, even if the clock is put back.
    floor_ms: u64,
    seen: BTreeSet<(u64, [u8; 16])>,
}

impl Guard {
    pub(super) const fn new(window_ms: u64) -> Self {
        Self {
            window_ms,
            floor_ms: 0,
            seen: BTreeSet::new(),
        }
    }

    /// Admits a message once, and while it is fresh.
    pub(super) fn admit(&mut self, message: &WakeUp, now_ms: u64) -> Result<(), Unfit> {
        let floor_ms = now_ms.saturating_sub(self.window_ms);
        if floor_ms > self.floor_ms {
            self.floor_ms = floor_ms;
            self.seen = self.seen.split_off(&(floor_ms, [0; 16]));
        }
        let newest_ms = now_ms.saturating_add(self.window_ms);
        if !(self.floor_ms..=newest_ms).contains(&message.sent_ms) {
            return Err(Unfit::Stale);
        }
        let mark = (message.sent_ms, message.nonce);
        if self.seen.contains(&mark) {
            return Err(Unfit::Replayed);
        }
        if self.seen.len() >= MAX_REMEMBERED {
            return Err(Unfit::Crowded);
        }
        self.seen.insert(mark);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::message::Sender;
    use super::*;

    fn message(sent_ms: u64, nonce: u8) -> WakeUp {
        WakeUp {
            sender: Sender([0; 16]),
            term: 1,
            seq: 1,
            sent_ms,
            nonce: [nonce; 16],
        }
    }

    #[test]
    fn a_message_is_taken_within_the_window_and_once() {
        let mut guard = Guard::new(30);
        for (sent, nonce, now, expected) in [
            (100, 1, 100, Ok(())),
            (100, 1, 101, Err(Unfit::Replayed)),
            (100, 2, 101, Ok(())),
            (131, 1, 101, Ok(())),
            (132, 1, 101, Err(Unfit::Stale)),
            (100, 3, 130, Ok(())),
            (100, 4, 131, Err(Unfit::Stale)),
            (100, 1, 131, Err(Unfit::Stale)),
            (100, 1, 100, Err(Unfit::Stale)),
            (131, 1, 131, Err(Unfit::Replayed)),
        ] {
            assert_eq!(
                guard.admit(&message(sent, nonce), now),
                expected,
                "{sent} {nonce} at {now}"
            );
        }
    }

    #[test]
    fn a_crowd_is_refused_and_passes_with_the_window() {
        let mut guard = Guard::new(30);
        for index in 0..MAX_REMEMBERED {
            let mut one = message(100, 0);
            one.nonce[..8].copy_from_slice(&index.to_be_bytes());
            assert_eq!(guard.admit(&one, 100), Ok(()));
        }
        assert_eq!(guard.admit(&message(100, 9), 100), Err(Unfit::Crowded));
        assert_eq!(guard.admit(&message(131, 9), 131), Ok(()));
        assert_eq!(guard.seen.len(), 1);
    }

    proptest! {
        /// Whatever the clock does, steps back included.
        #[test]
        fn no_message_is_admitted_twice(steps in proptest::collection::vec((0..200_u64, 0..200_u64, 0..3_u8), 0..80)) {
            let mut guard = Guard::new(30);
            let mut admitted = std::collections::HashSet::new();
            for (sent, now, nonce) in steps {
                if guard.admit(&message(sent, nonce), now).is_ok() {
                    prop_assert!(admitted.insert((sent, nonce)));
                    prop_assert!(sent.abs_diff(now) <= 30);
                }
            }
        }
    }
}
