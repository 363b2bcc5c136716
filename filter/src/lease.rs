//! How long the authority state may be trusted.
//!
//! A ping leaves at monotonic time `t0`. Its pong is written to the same stream after everything
//! that was committed before the service's last confirmed read of the log, which began `a` before
//! the ping arrived. So at `t0 - a` nothing was committed that this point does not have, and the
//! lease runs to `t0 - a + L`, never to the time of receipt + L: a pong that was stuck in a buffer,
//! or a process that was stopped, must not extend trust. Hence nothing is allowed later than `L`
//! after the commit that revoked it, whatever hangs. The arithmetic is `caracal_mandate::lease`,
//! which the service and the model of the protocol use as well.

use std::collections::VecDeque;

use caracal_mandate::lease;

/// Pings that may be unanswered at once; older ones are forgotten, which can only shorten trust.
const MAX_OUTSTANDING: usize = 16;

/// The lease of one enforcement point. Times are monotonic milliseconds.
#[derive(Debug, Clone)]
pub struct Lease {
    length_ms: u64,
    until: Option<u64>,
    outstanding: VecDeque<(u64, u64)>,
    next_nonce: u64,
}

impl Lease {
    /// A lease that has not begun.
    #[must_use]
    pub fn new(length_ms: u32) -> Self {
        Self {
            length_ms: length_ms.into(),
            until: None,
            outstanding: VecDeque::new(),
            next_nonce: 1,
        }
    }

    /// A ping is about to leave; its nonce.
    pub fn ping(&mut self, now: u64) -> u64 {
        let nonce = self.next_nonce;
        self.next_nonce = nonce.saturating_add(1);
        if self.outstanding.len() >= MAX_OUTSTANDING {
            self.outstanding.pop_front();
        }
        self.outstanding.push_back((nonce, now));
        nonce
    }

    /// A pong arrived. A nonce that is not outstanding (invented, repeated, of an earlier stream)
    /// changes nothing.
    pub fn pong(&mut self, nonce: u64, read_age_ms: u64) {
        let Some(at) = self.outstanding.iter().position(|(sent, _)| *sent == nonce) else {
            return;
        };
        let Some((_, sent_at)) = self.outstanding.remove(at) else {
            return;
        };
        let Some(until) = lease::until(sent_at, read_age_ms, self.length_ms) else {
            return;
        };
        self.until = Some(self.until.map_or(until, |old| old.max(until)));
    }

    /// The stream ended: its pings will not be answered. What was proven stays proven.
    pub fn stream_ended(&mut self) {
        self.outstanding.clear();
    }

    /// What was applied is not to be trusted any more.
    pub fn revoke(&mut self) {
        self.until = None;
        self.outstanding.clear();
    }

    /// Whether authority may be trusted at `now`.
    #[must_use]
    pub fn is_live(&self, now: u64) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    /// Until when the service's word about one request may be taken that was asked about at
    /// `asked_ms`: its answer is a pong for that request alone.
    #[must_use]
    pub const fn word_until(&self, asked_ms: u64, read_age_ms: u64) -> Option<u64> {
        lease::until(asked_ms, read_age_ms, self.length_ms)
    }

    /// End of trust, the pings that are unanswered (nonce and time), and the next nonce.
    pub(crate) const fn parts(&self) -> (Option<u64>, &VecDeque<(u64, u64)>, u64) {
        let Self {
            length_ms: _,
            until,
            outstanding,
            next_nonce,
        } = self;
        (*until, outstanding, *next_nonce)
    }

    /// Milliseconds of trust that are left at `now`.
    #[must_use]
    pub fn remaining_ms(&self, now: u64) -> u64 {
        self.until.map_or(0, |until| until.saturating_sub(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const L: u64 = 2000;

    fn lease() -> Lease {
        Lease::new(2000)
    }

    #[test]
    fn runs_from_the_ping_and_not_from_the_pong() {
        let mut lease = lease();
        let nonce = lease.ping(1000);
        // The answer lay in a buffer for a second and a half.
        lease.pong(nonce, 0);
        assert!(lease.is_live(2999) && !lease.is_live(3000));
    }

    #[test]
    fn is_shorter_by_the_age_of_the_services_own_knowledge() {
        let mut lease = lease();
        let nonce = lease.ping(1000);
        lease.pong(nonce, 1500);
        assert!(lease.is_live(1499) && !lease.is_live(1500));
        let mut cut_off = Lease::new(2000);
        let nonce = cut_off.ping(1000);
        cut_off.pong(nonce, 2001);
        assert!(!cut_off.is_live(1000));
    }

    #[test]
    fn invented_and_repeated_pongs_change_nothing() {
        let mut lease = lease();
        lease.pong(1, 0);
        assert!(!lease.is_live(0));
        let nonce = lease.ping(0);
        lease.pong(nonce, 1000);
        lease.pong(nonce, 0);
        assert!(!lease.is_live(1000));
    }

    #[test]
    fn a_pong_of_an_ended_stream_changes_nothing() {
        let mut lease = lease();
        let nonce = lease.ping(0);
        lease.stream_ended();
        lease.pong(nonce, 0);
        assert!(!lease.is_live(0));
    }

    proptest! {
        /// Commits happen at the service; a pong tells of all commits up to `arrival - age`. With
        /// any delays, no request is allowed `L` or more after a commit that was not told of.
        #[test]
        fn nothing_is_allowed_later_than_l_after_an_unseen_commit(
            exchanges in proptest::collection::vec((0..3000_u64, 0..3000_u64, 0..3000_u64, 0..3000_u64), 1..12),
            late in 0..5000_u64,
        ) {
            let mut lease = lease();
            // Late enough that what the service knows is never from before time began.
            let mut now = 3000;
            // The point knows of every commit up to this time, at the service's clock.
            let mut known_until = None::<u64>;
            for (pause, there, age, back) in exchanges {
                now += pause;
                let sent_at = now;
                let nonce = lease.ping(sent_at);
                let arrival = sent_at + there;
                now = arrival + back;
                lease.pong(nonce, age);
                known_until = known_until.max(arrival.checked_sub(age));
                let moment = now + late;
                if lease.is_live(moment) {
                    let known = known_until.unwrap();
                    // Any commit that the point has not seen is later than `known`.
                    prop_assert!(moment < known + 1 + L);
                }
            }
        }
    }
}
