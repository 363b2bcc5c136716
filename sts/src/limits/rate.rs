//! A rate with a burst, and who is within it.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use caracal_mandate::name::Name;

/// Most clients that are counted by one process. They have all proven who they are.
const MAX_CLIENTS: usize = 65_536;

/// So many each second, and so many at once after a time of rest. Written `100/1000`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Each second, in the long run.
    pub per_second: NonZeroU32,
    /// At once.
    pub burst: NonZeroU32,
}

/// Why a text is no rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a rate is PER_SECOND/BURST, two numbers above 0, the first at most 1000000")]
pub struct RateError;

/// The most that microseconds tell apart.
const MAX_PER_SECOND: u32 = 1_000_000;

impl Default for Rate {
    fn default() -> Self {
        // Written by hand and above 0.
        let number = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        Self {
            per_second: number(100),
            burst: number(1_000),
        }
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (per_second, burst) = text.split_once('/').ok_or(RateError)?;
        let number = |text: &str| text.parse::<NonZeroU32>().map_err(|_| RateError);
        let (per_second, burst) = (number(per_second)?, number(burst)?);
        if per_second.get() > MAX_PER_SECOND {
            return Err(RateError);
        }
        Ok(Self { per_second, burst })
    }
}

impl Rate {
    /// Microseconds that one request stands for.
    pub(super) fn interval_us(self) -> u64 {
        u64::from(MAX_PER_SECOND)
            .checked_div(self.per_second.get().into())
            .unwrap_or(1)
            .max(1)
    }

    /// Microseconds that a burst stands for.
    pub(super) fn capacity_us(self) -> u64 {
        self.interval_us().saturating_mul(self.burst.get().into())
    }

    /// A token bucket in one number, the moment at which it is full again (GCRA): the next one if a
    /// request is admitted. `rate.lua` says the same.
    fn admit(self, full_us: u64, now_us: u64) -> Option<u64> {
        let next_us = full_us.max(now_us).saturating_add(self.interval_us());
        (next_us.saturating_sub(now_us) <= self.capacity_us()).then_some(next_us)
    }
}

/// The buckets of one process.
#[derive(Debug, Default)]
pub(super) struct Buckets(Mutex<HashMap<(Name, Name), u64>>);

impl Buckets {
    /// Whether a client has one more.
    pub(super) fn admit(&self, rate: Rate, zone: &Name, client: &Name, now_us: u64) -> bool {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MAX_CLIENTS {
            buckets.retain(|_, full_us| *full_us > now_us);
        }
        let key = (zone.clone(), client.clone());
        let full_us = buckets.get(&key).copied().unwrap_or_default();
        let next = rate.admit(full_us, now_us);
        // A process with more clients than that at once lets them pass: this protects capacity, and
        // not authority.
        if let Some(next_us) = next
            && (buckets.len() < MAX_CLIENTS || buckets.contains_key(&key))
        {
            buckets.insert(key, next_us);
        }
        next.is_some()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rate(per_second: u32, burst: u32) -> Rate {
        format!("{per_second}/{burst}").parse().unwrap()
    }

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    #[test]
    fn a_burst_passes_at_once_and_then_the_rate() {
        let buckets = Buckets::default();
        let (acme, payout, other) = (name("acme"), name("payout"), name("other"));
        let admit = |client, now_us| buckets.admit(rate(10, 3), &acme, client, now_us);
        assert_eq!(
            [5; 5].map(|now| admit(&payout, now)),
            [true, true, true, false, false]
        );
        assert!(admit(&other, 5), "clients are apart");
        assert!(!admit(&payout, 100_004));
        assert!(admit(&payout, 100_005));
        assert!(!admit(&payout, 100_005));
        assert_eq!(
            [9_000_000; 4].map(|now| admit(&payout, now)),
            [true, true, true, false]
        );
    }

    #[test]
    fn a_rate_is_two_numbers() {
        for text in [
            "",
            "1",
            "0/1",
            "1/0",
            "1/1/1",
            "-1/1",
            "1000001/1",
            "1/4294967296",
            " 1/1",
        ] {
            assert_eq!(text.parse::<Rate>(), Err(RateError), "{text:?}");
        }
        assert_eq!(rate(1_000_000, 1).interval_us(), 1);
        assert_eq!(Rate::default(), rate(100, 1_000));
    }

    proptest! {
        /// The law of the token bucket: in any stretch of time no more than the burst and what the
        /// rate gives for that time.
        #[test]
        fn no_stretch_has_more_than_burst_and_rate(
            per_second in 1..2_000_u32,
            burst in 1..20_u32,
            pauses in proptest::collection::vec(0..3_000_u64, 1..200),
        ) {
            let rate = rate(per_second, burst);
            let (mut now, mut full, mut admitted) = (0_u64, 0, Vec::new());
            for pause in pauses {
                now = now.saturating_add(pause);
                if let Some(next) = rate.admit(full, now) {
                    full = next;
                    admitted.push(now);
                }
            }
            for (first, from) in admitted.iter().enumerate() {
                for (count, to) in (1_u64..).zip(admitted.iter().skip(first)) {
                    let given = to.saturating_sub(*from).div_euclid(rate.interval_us());
                    prop_assert!(count <= given.saturating_add(burst.into()));
                }
            }
        }
    }
}
