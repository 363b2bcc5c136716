//! The law of leases: the arithmetic that both ends of the authority feed share.
//!
//! An enforcement point sends a ping at its own monotonic time `t0`. Its answer says how long before
//! the ping's arrival the service began its last confirmed read of the log's head: the age `a`. What
//! was committed before that read stands before the answer on the same stream. So the point may
//! decide alone until `t0 - a + L`, and nothing is allowed `L` or more after the commit that revoked
//! it. `docs/lease.md` has the whole protocol; `tests/model` explores it with these very functions.
//!
//! Times are whole milliseconds of the caller's own monotonic clock; two parties' times are never
//! compared, only differences are sent.

mod head;
mod holder;
mod pause;

pub use self::head::{HeadRead, Standing};
pub use self::holder::{Holder, Pending, pending};
pub use self::pause::{Reading, SteadyClock, TOLERANCE_MS};

/// What the service knew when a question arrived. It is taken before the state that the answer is
/// made from, so that the state is never older than this says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Knowledge {
    arrived_ms: u64,
    confirmed_ms: u64,
}

impl Knowledge {
    /// The question arrived at `arrived_ms`; the last confirmed read of the head began at
    /// `confirmed_ms`.
    #[must_use]
    pub const fn new(arrived_ms: u64, confirmed_ms: u64) -> Self {
        Self {
            arrived_ms,
            confirmed_ms,
        }
    }

    /// When the confirmed read began.
    #[must_use]
    pub const fn confirmed_ms(self) -> u64 {
        self.confirmed_ms
    }

    /// The age `a`, rounded up: both times were rounded down when the clock was read, so their
    /// difference may be almost a millisecond too small, and the lease as much too long.
    #[must_use]
    pub const fn age_ms(self) -> u64 {
        self.arrived_ms
            .saturating_sub(self.confirmed_ms)
            .saturating_add(1)
    }
}

/// Until when a point may decide alone that asked at `asked_ms` and got an answer of this age. An
/// age beyond the lease's length proves nothing at all.
#[must_use]
pub const fn until(asked_ms: u64, age_ms: u64, length_ms: u64) -> Option<u64> {
    match length_ms.checked_sub(age_ms) {
        Some(remaining) => Some(asked_ms.saturating_add(remaining)),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Microseconds to the whole milliseconds that a clock with this offset shows.
    fn clock(at_us: u64, offset_us: u64) -> u64 {
        (at_us + offset_us) / 1000
    }

    proptest! {
        /// True times are in microseconds here, and every party rounds them for itself.
        #[test]
        fn no_point_decides_alone_a_lease_after_the_read_that_it_rests_on(
            read in 0..5_000_000_u64,
            asked in 0..5_000_000_u64,
            way in 0..3_000_000_u64,
            (point, service) in (0..5000_u64, 0..5000_u64),
            length in 1..4000_u64,
            later in 0..8_000_000_u64,
        ) {
            let arrived = asked + way;
            let knowledge = Knowledge::new(clock(arrived, service), clock(read, service));
            if let Some(until) = until(clock(asked, point), knowledge.age_ms(), length) {
                let now = asked + later;
                let alone = clock(now, point) < until;
                prop_assert!(!alone || now < read + length * 1000);
                // And the service's own book of it is never shorter than the truth.
                let mut holder = Holder::new(length);
                holder.extend(knowledge);
                prop_assert!(!alone || holder.holds(clock(now, service)));
            }
        }
    }

    #[test]
    fn an_age_beyond_the_length_proves_nothing() {
        assert_eq!(until(100, 10, 10), Some(100));
        assert_eq!(until(100, 11, 10), None);
    }
}
