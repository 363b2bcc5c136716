//! What was measured, and the figures that it comes to.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::load::{Sent, mandate_of};
use super::points::Counts;
use super::series::{LEASE, Revocation};
use crate::bench::stats::quantile;
use crate::upstream::Arrival;

/// CPU nanoseconds of the processes, and the time in which they were spent.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cpu {
    pub(super) sts: u64,
    pub(super) envoys: u64,
    pub(super) points: u64,
    /// The load, what is behind the Envoys, and whoever revokes.
    pub(super) harness: u64,
    pub(super) elapsed: Duration,
}

impl Cpu {
    pub(super) const fn since(self, before: &Self, elapsed: Duration) -> Self {
        Self {
            sts: self.sts.saturating_sub(before.sts),
            envoys: self.envoys.saturating_sub(before.envoys),
            points: self.points.saturating_sub(before.points),
            harness: self.harness.saturating_sub(before.harness),
            elapsed,
        }
    }

    /// Shares of one core, of each process and all together.
    pub(super) fn cores(&self) -> Value {
        let of = |nanoseconds: u64| per(nanoseconds, self.elapsed);
        let all = self.sts + self.envoys + self.points + self.harness;
        json!({
            "sts": of(self.sts),
            "envoys": of(self.envoys),
            "points": of(self.points),
            "harness": of(self.harness),
            "all": of(all),
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "nanoseconds far below 2^52")]
fn per(nanoseconds: u64, elapsed: Duration) -> f64 {
    nanoseconds as f64 / 1e9 / elapsed.as_secs_f64()
}

/// Requests that reached the service behind the Envoys with a mandate that was revoked.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Late {
    /// Later than the lease after the commit.
    pub(super) after_bound: usize,
    /// The latest of all, in milliseconds after the call that revoked it, which is before the commit.
    pub(super) latest_ms: f64,
    /// Requests that reached it after their mandate's revocation was called for, at whatever time.
    pub(super) after_call: usize,
}

/// Holds what arrived against what was revoked.
pub(super) fn late(arrivals: &[Arrival], revocations: &[Revocation]) -> Late {
    let revoked: HashMap<u64, Instant> = revocations
        .iter()
        .filter_map(|revocation| Some((revocation.hit?, revocation.called)))
        .collect();
    let mut late = Late::default();
    for arrival in arrivals {
        let mandate = arrival.mark.map(mandate_of);
        let called = mandate.and_then(|number| revoked.get(&number));
        let Some(after) = called.and_then(|called| arrival.at.checked_duration_since(*called))
        else {
            continue;
        };
        late.after_call += 1;
        late.after_bound += usize::from(after > LEASE);
        late.latest_ms = late.latest_ms.max(after.as_secs_f64() * 1000.0);
    }
    late
}

/// One measurement.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) points: usize,
    pub(super) per_connection: usize,
    pub(super) revocations: Vec<Revocation>,
    pub(super) arrivals: Late,
    pub(super) sent: Sent,
    pub(super) counts: Counts,
    /// Load and points without revocations, and with them.
    pub(super) alone: Cpu,
    pub(super) during: Cpu,
}

impl Measured {
    pub(super) fn covered(&self) -> impl Iterator<Item = f64> + Clone {
        self.revocations.iter().map(|one| one.covered_ms)
    }

    pub(super) fn quantile(&self, share: f64) -> f64 {
        quantile(self.covered(), share)
    }

    /// CPU microseconds that one revocation takes at one point, of the service and of the point.
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    pub(super) fn cpu_per_point_us(&self) -> [f64; 2] {
        let steps = self.revocations.len() as f64 * self.points as f64;
        let more = |pick: fn(&Cpu) -> u64| {
            let before = per(pick(&self.alone), self.alone.elapsed);
            let after = per(pick(&self.during), self.during.elapsed);
            (after - before) * self.during.elapsed.as_secs_f64() * 1e6 / steps
        };
        [more(|cpu| cpu.sts), more(|cpu| cpu.points)]
    }

    pub(super) fn report(&self) -> Value {
        let answered = |share| quantile(self.revocations.iter().map(|one| one.answered_ms), share);
        let of_kind = |kind: &str| {
            let times = self.revocations.iter().filter(|one| one.kind() == kind);
            let times = times.map(|one| one.covered_ms);
            json!({
                "count": times.clone().count(),
                "p50_ms": quantile(times.clone(), 0.5),
                "p99_ms": quantile(times, 0.99),
            })
        };
        let kinds = ["mandate", "session", "application"].map(|kind| (kind, of_kind(kind)));
        let [sts, point] = self.cpu_per_point_us();
        let Late {
            after_bound,
            latest_ms,
            after_call,
        } = self.arrivals;
        json!({
            "p50_ms": self.quantile(0.5),
            "p99_ms": self.quantile(0.99),
            "max_ms": self.quantile(1.0),
            "points": self.points,
            "allowed_after_bound": after_bound,
            "latest_yes_after_call_ms": latest_ms,
            "allowed_after_call": after_call,
            "streams_per_connection": self.per_connection,
            "revocations": self.revocations.len(),
            "kinds": kinds.into_iter().collect::<std::collections::BTreeMap<_, _>>(),
            "call_to_answer": {"p50_ms": answered(0.5), "p99_ms": answered(0.99), "max_ms": answered(1.0)},
            "cpu_per_point_us": {"sts": sts, "point": point},
            "cores": {"load_alone": self.alone.cores(), "with_revocations": self.during.cores()},
            "load": self.sent,
            "simulated": self.counts,
            "each_ms": self.covered().collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrival(at: Instant, mandate: u64) -> Arrival {
        Arrival {
            at,
            host: String::new(),
            method: String::new(),
            path: String::new(),
            mark: Some(mandate << 32),
            leaked: false,
        }
    }

    #[test]
    fn only_what_arrives_after_the_revocation_of_its_own_mandate_counts() {
        let called = Instant::now();
        let ms = |after| called + Duration::from_millis(after);
        let revocations = [
            Revocation::of_mandate(1, called),
            Revocation::of_mandate(2, ms(100)),
        ];
        let arrivals = [
            arrival(called - Duration::from_millis(1), 1),
            arrival(ms(3), 1),
            arrival(ms(2050), 2),
            arrival(ms(2150), 2),
            arrival(ms(9000), 3),
            arrival(ms(9000), 0),
        ];
        let late = late(&arrivals, &revocations);
        assert_eq!((late.after_call, late.after_bound), (3, 1));
        assert!((late.latest_ms - 2050.0).abs() < 0.01);
    }
}
