//! The proxy's own metrics, in a fixed number of families: Envoy never frees one.

use proxy_wasm::hostcalls;
use proxy_wasm::types::MetricType;

use crate::engine::Counts;

/// Ids of the metrics in the host; `None` where the host refused one, which costs only the metric.
#[derive(Debug)]
pub(super) struct Metrics {
    allowed: Option<u32>,
    denied: Option<u32>,
    cache_hits: Option<u32>,
    verifications: Option<u32>,
    exchanges: Option<u32>,
    stale_checks: Option<u32>,
    lease_remaining_ms: Option<u32>,
    audit_backlog: Option<u32>,
    audit_dropped: Option<u32>,
}

impl Metrics {
    pub(super) fn define() -> Self {
        let counter = |name| hostcalls::define_metric(MetricType::Counter, name).ok();
        let gauge = |name| hostcalls::define_metric(MetricType::Gauge, name).ok();
        Self {
            allowed: counter("caracal_requests_allowed"),
            denied: counter("caracal_requests_denied"),
            cache_hits: counter("caracal_mandate_cache_hits"),
            verifications: counter("caracal_mandate_verifications"),
            exchanges: counter("caracal_exchanges"),
            stale_checks: counter("caracal_stale_checks"),
            lease_remaining_ms: gauge("caracal_lease_remaining_ms"),
            audit_backlog: gauge("caracal_audit_backlog"),
            audit_dropped: gauge("caracal_audit_dropped"),
        }
    }

    /// Adds what happened since the last tick: nothing is counted across the boundary per request.
    pub(super) fn report(
        &self,
        counts: Counts,
        lease_remaining_ms: u64,
        backlog: usize,
        dropped: u64,
    ) {
        let Counts {
            allowed,
            denied,
            cache_hits,
            verifications,
            exchanges,
            stale_checks,
        } = counts;
        for (id, count) in [
            (self.allowed, allowed),
            (self.denied, denied),
            (self.cache_hits, cache_hits),
            (self.verifications, verifications),
            (self.exchanges, exchanges),
            (self.stale_checks, stale_checks),
        ] {
            if let (Some(id), Ok(count @ 1..)) = (id, i64::try_from(count)) {
                let _ = hostcalls::increment_metric(id, count);
            }
        }
        let backlog = u64::try_from(backlog).unwrap_or(u64::MAX);
        for (id, value) in [
            (self.lease_remaining_ms, lease_remaining_ms),
            (self.audit_backlog, backlog),
            (self.audit_dropped, dropped),
        ] {
            if let Some(id) = id {
                let _ = hostcalls::record_metric(id, value);
            }
        }
    }
}
