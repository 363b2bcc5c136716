//! Until when an entry is kept that may be forgotten at a moment of the wall clock.
//!
//! What is forgotten does not come back when a clock that stepped forward is set right again: a
//! revocation that was dropped too early would let through what it refused. So entries go by a clock
//! that never jumps forward. It is the earliest that any reading allows: each one, taken further by
//! the time that has passed since on the monotonic clock. A wall clock that was slow and is put right
//! makes it late, which only keeps entries longer.

/// The clock that entries expire by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExpiryClock {
    /// The last answer, and when it was given on the monotonic clock; both in milliseconds.
    last: Option<(u64, u64)>,
}

impl ExpiryClock {
    /// The Unix second that entries expire by, given both clocks in milliseconds.
    pub fn advance(&mut self, monotonic_ms: u64, unix_ms: u64) -> u64 {
        let earliest = self.last.map_or(unix_ms, |(then_ms, at_ms)| {
            then_ms
                .saturating_add(monotonic_ms.saturating_sub(at_ms))
                .min(unix_ms)
        });
        self.last = Some((earliest, monotonic_ms));
        earliest / 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_hour_that_the_wall_clock_skips_is_not_skipped() {
        let mut clock = ExpiryClock::default();
        assert_eq!(clock.advance(0, 1_000_000), 1000);
        assert_eq!(clock.advance(2000, 4_602_000), 1002);
        assert_eq!(clock.advance(3000, 1_003_000), 1003);
    }

    #[test]
    fn a_wall_clock_that_is_set_back_is_followed() {
        let mut clock = ExpiryClock::default();
        assert_eq!(clock.advance(0, 1_000_000), 1000);
        assert_eq!(clock.advance(1000, 500_000), 500);
        assert_eq!(clock.advance(2000, 501_000), 501);
    }

    proptest! {
        /// Whatever the wall clock does: never later than it, and never later than any of its
        /// earlier readings taken further by the time that has passed.
        #[test]
        fn it_never_jumps_forward(
            readings in proptest::collection::vec((0..5000_u64, 0..10_000_000_u64), 1..20),
        ) {
            let mut clock = ExpiryClock::default();
            let mut seen = Vec::<(u64, u64)>::new();
            let mut now = 0;
            for (passed, unix_ms) in readings {
                now += passed;
                seen.push((now, unix_ms));
                let second = clock.advance(now, unix_ms);
                for (at, unix_ms) in &seen {
                    prop_assert!(second <= (unix_ms + (now - at)) / 1000);
                }
            }
        }
    }
}
