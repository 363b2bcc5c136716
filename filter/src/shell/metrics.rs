//! The proxy's own metrics, in a fixed number: Envoy never frees one.
//!
//! The reason of a refusal is the end of its counter's name, behind [`REASON`]; the templates of
//! `envoy/` make it a label. Reasons are one enum, so there is an end to them.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use caracal_mandate::reason::Reason;
use proxy_wasm::hostcalls;
use proxy_wasm::types::MetricType;

use crate::config::Mode;
use crate::engine::Counts;

/// What stands between a counter's name and the reason that it counts.
const REASON: &str = ".reason.";

/// What is measured at a tick.
#[derive(Debug)]
pub(super) struct Gauges {
    pub(super) lease_remaining_ms: u64,
    pub(super) backlog: usize,
    pub(super) dropped: u64,
    pub(super) feed_streams: u64,
}

/// A counter whose source counts from the start.
#[derive(Debug)]
struct Total {
    id: Option<u32>,
    reported: Cell<u64>,
}

impl Total {
    const fn new(id: Option<u32>) -> Self {
        Self {
            id,
            reported: Cell::new(0),
        }
    }

    fn report(&self, total: u64) {
        let before = self.reported.replace(total);
        add(self.id, total.saturating_sub(before));
    }
}

/// Ids of the metrics in the host; `None` where the host refused one, which costs only the metric.
#[derive(Debug)]
pub(super) struct Metrics {
    mode: Mode,
    allowed: Option<u32>,
    /// Made when a reason is first given.
    denied: RefCell<HashMap<Reason, Option<u32>>>,
    cache_hits: Option<u32>,
    cache_misses: Option<u32>,
    verifications: Option<u32>,
    exchanges: Option<u32>,
    exchanges_failed: Option<u32>,
    stale_checks: Option<u32>,
    calls_forgotten: Option<u32>,
    streams_cut: Option<u32>,
    feed_streams: Total,
    audit_dropped: Total,
    lease_remaining_ms: Option<u32>,
    audit_backlog: Option<u32>,
    shadow_mode: Option<u32>,
}

impl Metrics {
    pub(super) fn define(mode: Mode) -> Self {
        Self {
            mode,
            // Envoy's RBAC filter counts allowed and denied apart from shadow_allowed and
            // shadow_denied, and so does this one: nobody was refused in shadow.
            allowed: counter(match mode {
                Mode::Enforce => "caracal_requests_allowed",
                Mode::Shadow => "caracal_shadow_allowed",
            }),
            denied: RefCell::default(),
            cache_hits: counter("caracal_mandate_cache_hits"),
            cache_misses: counter("caracal_mandate_cache_misses"),
            verifications: counter("caracal_mandate_verifications"),
            exchanges: counter("caracal_exchanges"),
            exchanges_failed: counter("caracal_exchanges_failed"),
            stale_checks: counter("caracal_stale_checks"),
            calls_forgotten: counter("caracal_calls_forgotten"),
            streams_cut: counter(match mode {
                Mode::Enforce => "caracal_streams_cut",
                Mode::Shadow => "caracal_shadow_streams_cut",
            }),
            feed_streams: Total::new(counter("caracal_feed_streams")),
            audit_dropped: Total::new(counter("caracal_audit_dropped")),
            lease_remaining_ms: gauge("caracal_lease_remaining_ms"),
            audit_backlog: gauge("caracal_audit_backlog"),
            shadow_mode: gauge("caracal_shadow_mode"),
        }
    }

    /// Adds what happened since the last tick: nothing is counted across the boundary per request.
    pub(super) fn report(&self, counts: Counts, gauges: &Gauges) {
        let Counts {
            allowed,
            denied,
            cache_hits,
            cache_misses,
            verifications,
            exchanges,
            exchanges_failed,
            stale_checks,
            calls_forgotten,
            streams_cut,
        } = counts;
        add(self.allowed, allowed);
        for (reason, count) in denied {
            add(self.denied(reason), count);
        }
        add(self.cache_hits, cache_hits);
        add(self.cache_misses, cache_misses);
        add(self.verifications, verifications);
        add(self.exchanges, exchanges);
        add(self.exchanges_failed, exchanges_failed);
        add(self.stale_checks, stale_checks);
        add(self.calls_forgotten, calls_forgotten);
        add(self.streams_cut, streams_cut);
        self.feed_streams.report(gauges.feed_streams);
        self.audit_dropped.report(gauges.dropped);
        set(self.lease_remaining_ms, gauges.lease_remaining_ms);
        let backlog = u64::try_from(gauges.backlog).unwrap_or(u64::MAX);
        set(self.audit_backlog, backlog);
        set(self.shadow_mode, (self.mode == Mode::Shadow).into());
    }

    fn denied(&self, reason: Reason) -> Option<u32> {
        let name = match self.mode {
            Mode::Enforce => "caracal_requests_denied",
            Mode::Shadow => "caracal_shadow_denied",
        };
        let mut ids = self.denied.borrow_mut();
        *ids.entry(reason)
            .or_insert_with(|| counter(&[name, REASON, reason.as_str()].concat()))
    }
}

fn counter(name: &str) -> Option<u32> {
    hostcalls::define_metric(MetricType::Counter, name).ok()
}

fn gauge(name: &str) -> Option<u32> {
    hostcalls::define_metric(MetricType::Gauge, name).ok()
}

fn add(id: Option<u32>, count: u64) {
    if let (Some(id), Ok(count @ 1..)) = (id, i64::try_from(count)) {
        let _ = hostcalls::increment_metric(id, count);
    }
}

fn set(id: Option<u32>, value: u64) {
    if let Some(id) = id {
        let _ = hostcalls::record_metric(id, value);
    }
}
