//! Machines that stand still.
//!
//! A monotonic clock stops while its machine is suspended or its VM is paused, and what is measured with
//! it would outlast the pause. The wall clock shows it: afterwards it is ahead of the monotonic one by
//! that much. A wall clock that was set forward looks the same, and is taken for the same: time that may
//! have passed has passed.

/// By how much the wall clock may get ahead before that is a pause: clocks are slewed, and two of them
/// are not read in the same moment.
pub const TOLERANCE_MS: u64 = 100;

/// Both clocks, read together. Milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Since some fixed moment; never steps back.
    pub monotonic_ms: u64,
    /// Since 1970, and as right as somebody keeps it.
    pub unix_ms: u64,
}

impl Reading {
    /// How much further the wall clock has gone on than the monotonic one since an earlier reading.
    #[must_use]
    pub const fn ahead_ms(self, earlier: Self) -> u64 {
        let wall = self.unix_ms.saturating_sub(earlier.unix_ms);
        let monotonic = self.monotonic_ms.saturating_sub(earlier.monotonic_ms);
        wall.saturating_sub(monotonic)
    }

    /// Whether the machine may have stood still since an earlier reading.
    #[must_use]
    pub const fn is_after_a_pause(self, earlier: Self) -> bool {
        self.ahead_ms(earlier) > TOLERANCE_MS
    }
}

/// A clock that never steps back and goes on while the machine stands still.
#[derive(Debug, Clone, Copy, Default)]
pub struct SteadyClock {
    /// What the wall clock is held against.
    base: Option<Reading>,
    /// How long the machine has stood still so far.
    paused_ms: u64,
}

impl SteadyClock {
    /// A clock that was not read yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            base: None,
            paused_ms: 0,
        }
    }

    /// Milliseconds since some fixed moment, pauses included, all but the last [`TOLERANCE_MS`] of them.
    pub fn read(&mut self, now: Reading) -> u64 {
        let base = *self.base.get_or_insert(now);
        let ahead = now.ahead_ms(base);
        if now.is_after_a_pause(base) {
            self.paused_ms = self.paused_ms.saturating_add(ahead);
        }
        // What is within the tolerance stays on the account, so that many short pauses are one long one.
        // A wall clock that fell behind is held against what it says now.
        if ahead == 0 || now.is_after_a_pause(base) {
            self.base = Some(now);
        }
        now.monotonic_ms.saturating_add(self.paused_ms)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: Reading = Reading {
        monotonic_ms: 5,
        unix_ms: 1_900_000_000_000,
    };

    const fn later(earlier: Reading, monotonic_ms: u64, unix_ms: i64) -> Reading {
        Reading {
            monotonic_ms: earlier.monotonic_ms.saturating_add(monotonic_ms),
            unix_ms: earlier.unix_ms.saturating_add_signed(unix_ms),
        }
    }

    #[test]
    fn a_pause_counts_once() {
        let mut clock = SteadyClock::new();
        assert_eq!(clock.read(START), 5);
        let resumed = later(START, 10, 3_600_010);
        assert!(resumed.is_after_a_pause(START));
        assert_eq!(clock.read(resumed), 3_600_015);
        assert_eq!(clock.read(later(resumed, 20, 20)), 3_600_035);
    }

    #[test]
    fn a_wall_clock_that_is_set_back_changes_nothing_and_hides_no_later_pause() {
        let mut clock = SteadyClock::new();
        clock.read(START);
        let set_back = later(START, 10, -3_600_000);
        assert_eq!(clock.read(set_back), 15);
        assert_eq!(clock.read(later(set_back, 10, 2010)), 2025);
    }

    #[test]
    fn a_host_without_a_wall_clock_has_a_monotonic_one() {
        let mut clock = SteadyClock::new();
        for monotonic_ms in [0, 7, 1000] {
            let now = Reading {
                monotonic_ms,
                unix_ms: 0,
            };
            assert_eq!(clock.read(now), monotonic_ms);
        }
    }

    proptest! {
        /// However long and however often it stood still: it never steps back, and is behind the time
        /// that has passed by less than the tolerance.
        #[test]
        fn it_goes_on_while_the_machine_does_not(
            steps in proptest::collection::vec((0..500_u64, prop_oneof![0..150_u64, 0..100_000_u64]), 1..40),
        ) {
            let mut clock = SteadyClock::new();
            let (mut now, mut passed) = (START, 0);
            let first = clock.read(now);
            let mut last = first;
            for (ran, stood) in steps {
                passed += ran + stood;
                now.monotonic_ms += ran;
                now.unix_ms += ran + stood;
                let read = clock.read(now);
                prop_assert!(read >= last);
                prop_assert!(read - first <= passed && passed <= read - first + TOLERANCE_MS);
                last = read;
            }
        }
    }
}
