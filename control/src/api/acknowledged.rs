//! The proof that a revocation is in force.

use std::time::Duration;

use caracal_mandate::name::Name;
use caracal_store::model::MAX_LEASE_MS;
use caracal_sts::AckReport;
use serde::Serialize;

use super::{Api, Authority};

/// Who has applied it. By the bound, the lease of those that have not has run out, so that they
/// refuse everything.
#[derive(Serialize)]
pub(super) struct Acknowledgements {
    acknowledged: usize,
    expected: usize,
    silent: Vec<String>,
    waited_ms: u64,
    bound_ms: u64,
}

impl From<AckReport> for Acknowledgements {
    fn from(report: AckReport) -> Self {
        let AckReport {
            acked,
            expected,
            silent,
            waited_ms,
            bound_ms,
        } = report;
        Self {
            acknowledged: acked,
            expected,
            silent,
            waited_ms,
            bound_ms,
        }
    }
}

impl Acknowledgements {
    /// Waits for them, if that was asked for.
    pub(super) async fn of<A: Authority>(
        api: &Api<A>,
        zone: &Name,
        seq: u64,
        wait: bool,
    ) -> Option<Self> {
        if !wait {
            return None;
        }
        let bound = bound(api, zone).await;
        let report = api.authority.wait_applied(zone, seq, bound).await;
        Some(report.into())
    }
}

/// After the longest lease of any point of the zone, whoever has not answered refuses everything.
async fn bound<A: Authority>(api: &Api<A>, zone: &Name) -> Duration {
    let points = api.authority.points().await;
    if !points.complete {
        // What is not known has the longest lease that there is.
        return Duration::from_millis(MAX_LEASE_MS);
    }
    let points = points.items.into_iter().filter(|point| point.zone == *zone);
    points
        .map(|point| Duration::from_millis(point.lease_ms))
        .fold(api.lease, Duration::max)
}
