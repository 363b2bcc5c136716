//! What operators watch, in the `OpenMetrics` text format that Prometheus reads.
//!
//! Every label takes its values from a fixed list: nobody outside can make the number of series grow.

mod self_check;

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;

use caracal_mandate::reason::Reason;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::peers::{DeadReason, PeerStats};
use crate::service::Service;
use crate::telemetry::{LogExportStatus, LogExportWatch, TelemetryStats};

/// Content type of what [`Metrics::render`] returns.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Seconds: from the fastest evaluation to the longest that anything waits for.
const BUCKETS: [f64; 16] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
    1.0, 2.5, 10.0,
];

/// What was decided, and for which reason it was a no.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Decision {
    action: &'static str,
    outcome: &'static str,
    /// The code of a refusal; empty for a yes.
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Evaluation {
    outcome: &'static str,
}

type Timed<L> = Family<L, Histogram, fn() -> Histogram>;

/// What a decision was asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Asked {
    Exchange,
    Authorize,
}

/// What a policy came to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Evaluated {
    Allow,
    Deny,
    /// It failed, took too long, or answered something else, which is a no.
    Error,
}

/// The measurements of one service.
pub(crate) struct Metrics {
    registry: Registry,
    decisions: Timed<Decision>,
    evaluations: Timed<Evaluation>,
    records: Histogram,
    propagation: Histogram,
    coverage: Histogram,
    log_age: Gauge<f64, AtomicU64>,
    log_position: Gauge,
    points: Gauge,
    log_export: OnceLock<LogExportWatch>,
}

fn histogram() -> Histogram {
    Histogram::new(BUCKETS)
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("caracal_sts");
        let decisions = Timed::<Decision>::new_with_constructor(histogram);
        let evaluations = Timed::<Evaluation>::new_with_constructor(histogram);
        let (records, propagation, coverage) = (histogram(), histogram(), histogram());
        let log_age = Gauge::<f64, AtomicU64>::default();
        let (log_position, points) = (Gauge::default(), Gauge::default());
        registry.register_with_unit(
            "decision",
            "Time from the question to the recorded answer",
            Unit::Seconds,
            decisions.clone(),
        );
        registry.register_with_unit(
            "policy_evaluation",
            "Time that the policy took",
            Unit::Seconds,
            evaluations.clone(),
        );
        registry.register_with_unit(
            "ledger_append",
            "Time until a decision was durable",
            Unit::Seconds,
            records.clone(),
        );
        registry.register_with_unit(
            "feed_propagation",
            "Time from the commit of a change to its acknowledgement by an enforcement point",
            Unit::Seconds,
            propagation.clone(),
        );
        registry.register_with_unit(
            "revocation_coverage",
            "Time from the commit of a revocation to the last acknowledgement of the connected points",
            Unit::Seconds,
            coverage.clone(),
        );
        registry.register_with_unit(
            "authority_log_age",
            "Time since the last confirmed read of the log's head began; at the lease, all is closed",
            Unit::Seconds,
            log_age.clone(),
        );
        registry.register(
            "authority_log_position",
            "Last position of the authority log that was applied",
            log_position.clone(),
        );
        registry.register(
            "enforcement_points",
            "Streams of enforcement points that are connected",
            points.clone(),
        );
        Self {
            registry,
            decisions,
            evaluations,
            records,
            propagation,
            coverage,
            log_age,
            log_position,
            points,
            log_export: OnceLock::new(),
        }
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Metrics {
    /// A decision was made and recorded, or could not be.
    pub(crate) fn decided(&self, asked: Asked, refused: Option<Reason>, took_us: u64) {
        let decision = Decision {
            action: match asked {
                Asked::Exchange => "exchange",
                Asked::Authorize => "authorize",
            },
            outcome: match refused {
                None => "allow",
                Some(_) => "deny",
            },
            reason: refused.map_or("", Reason::as_str),
        };
        self.decisions
            .get_or_create(&decision)
            .observe(seconds(took_us));
    }

    /// A policy was asked.
    pub(crate) fn evaluated(&self, outcome: Evaluated, took_us: u64) {
        let outcome = match outcome {
            Evaluated::Allow => "allow",
            Evaluated::Deny => "deny",
            Evaluated::Error => "error",
        };
        self.evaluations
            .get_or_create(&Evaluation { outcome })
            .observe(seconds(took_us));
    }

    /// A decision became durable.
    pub(crate) fn recorded(&self, took_us: u64) {
        self.records.observe(seconds(took_us));
    }

    /// An enforcement point acknowledged what was committed so long ago.
    pub(crate) fn propagated(&self, took_us: u64) {
        self.propagation.observe(seconds(took_us));
    }

    /// Shows how far the export of the ledger is. The first one counts.
    pub(crate) fn show_log_export(&self, export: LogExportWatch) {
        let _shown_already = self.log_export.set(export);
    }

    /// Every enforcement point that was connected has acknowledged a revocation.
    pub(crate) fn covered(&self, took_us: u64) {
        self.coverage.observe(seconds(took_us));
    }

    /// All of it as text, with what is true of the service right now.
    pub(crate) fn render(&self, service: &Service) -> Result<String, fmt::Error> {
        let now = service.clock.reading();
        let confirmed_ms = service.authority.confirmed_ms(now);
        let age_ms = confirmed_ms.map(|at| now.monotonic_ms.saturating_sub(at));
        // Before the first read the age is whatever is larger than any lease.
        self.log_age
            .set(age_ms.map_or(f64::INFINITY, |ms| seconds(ms.saturating_mul(1000))));
        let applied = service.authority.read().applied();
        self.log_position
            .set(i64::try_from(applied).unwrap_or(i64::MAX));
        let points = service.registry.points().len();
        self.points.set(i64::try_from(points).unwrap_or(i64::MAX));
        let mut written = String::new();
        text::encode_registry(&mut written, &self.registry)?;
        let self_check = service.recorder.ledger().self_check();
        text::encode_registry(&mut written, &self_check::registry(&self_check))?;
        if let Some(peers) = &service.peers {
            text::encode_registry(&mut written, &of_peers(&peers.stats()))?;
        }
        if let Some(stats) = service.telemetry.stats() {
            text::encode_registry(&mut written, &of_traces(stats))?;
        }
        if let Some(export) = self.log_export.get() {
            text::encode_registry(&mut written, &of_log_export(&export.status()))?;
        }
        text::encode_eof(&mut written)?;
        Ok(written)
    }
}

/// What became of spans.
fn of_traces(stats: TelemetryStats) -> Registry {
    let mut registry = Registry::with_prefix("caracal_sts_trace_spans");
    for (name, help, count) in [
        ("exported", "Spans that the collector took", stats.exported),
        (
            "dropped",
            "Spans that were lost: too many waited, or the collector was away",
            stats.dropped,
        ),
    ] {
        registry.register(name, help, ConstCounter::new(count));
    }
    registry
}

/// How far the export of the ledger is.
fn of_log_export(status: &LogExportStatus) -> Registry {
    let mut registry = Registry::with_prefix("caracal_ledger_export");
    for (name, help, count) in [
        (
            "entries",
            "Entries that the collector took",
            status.exported,
        ),
        (
            "rejected",
            "Entries that the collector said it will never take",
            status.rejected,
        ),
        (
            "skipped",
            "Entries that retention had removed before they were exported",
            status.skipped,
        ),
    ] {
        registry.register(name, help, ConstCounter::new(count));
    }
    let behind = i64::try_from(status.behind).unwrap_or(i64::MAX);
    for (name, help, value) in [
        ("behind", "Entries that wait for the collector", behind),
        (
            "active",
            "Whether this process is the one that exports",
            i64::from(status.is_active),
        ),
    ] {
        let gauge = Gauge::<i64>::default();
        gauge.set(value);
        registry.register(name, help, gauge);
    }
    registry
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Dead {
    reason: &'static str,
}

/// The replicas' own counters, at this moment.
fn of_peers(stats: &PeerStats) -> Registry {
    let mut registry = Registry::with_prefix("caracal_sts_peer");
    let listening = Gauge::<i64>::default();
    listening.set(i64::from(stats.listening));
    registry.register(
        "listening",
        "Whether messages of other replicas can be heard",
        listening,
    );
    for (name, help, count) in [
        ("sent", "Wake-ups that were sent", stats.sent),
        ("unsent", "Wake-ups that could not be sent", stats.unsent),
        ("received", "Wake-ups that came in", stats.received),
        (
            "woken",
            "Reads of the log that a wake-up brought about",
            stats.woken,
        ),
    ] {
        registry.register(name, help, ConstCounter::new(count));
    }
    let dead = Family::<Dead, Gauge>::default();
    for reason in DeadReason::ALL {
        let count = i64::try_from(stats.dead_for(reason)).unwrap_or(i64::MAX);
        let label = Dead {
            reason: reason.as_str(),
        };
        dead.get_or_create(&label).set(count);
    }
    registry.register(
        "dead_letters",
        "Wake-ups that were put aside since the start",
        dead,
    );
    registry
}

#[expect(
    clippy::cast_precision_loss,
    reason = "microseconds far below 2^52: 142 years"
)]
fn seconds(microseconds: u64) -> f64 {
    microseconds as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use crate::testing::World;

    use super::*;

    #[tokio::test]
    async fn what_was_measured_is_what_is_shown() {
        let world = World::open().await;
        let service = world.service();
        service.metrics.decided(Asked::Exchange, None, 700);
        service
            .metrics
            .decided(Asked::Authorize, Some(Reason::NoMandate), 90);
        service.metrics.evaluated(Evaluated::Error, 50_000);
        service.metrics.propagated(3_000);
        service.metrics.covered(2_500);
        let text = service.metrics.render(service).unwrap();
        let reason = Reason::NoMandate.as_str();
        for line in [
            r#"caracal_sts_decision_seconds_count{action="exchange",outcome="allow",reason=""} 1"#
                .to_owned(),
            format!(
                r#"caracal_sts_decision_seconds_bucket{{le="0.0001",action="authorize",outcome="deny",reason="{reason}"}} 1"#
            ),
            r#"caracal_sts_policy_evaluation_seconds_bucket{le="0.025",outcome="error"} 0"#
                .to_owned(),
            r#"caracal_sts_policy_evaluation_seconds_bucket{le="0.05",outcome="error"} 1"#
                .to_owned(),
            "caracal_sts_feed_propagation_seconds_sum 0.003".to_owned(),
            "caracal_sts_revocation_coverage_seconds_sum 0.0025".to_owned(),
            "caracal_sts_enforcement_points 0".to_owned(),
            "caracal_sts_ledger_self_check_findings 0".to_owned(),
            "caracal_sts_ledger_self_check_passes_total 0".to_owned(),
            "# EOF".to_owned(),
        ] {
            assert!(text.lines().any(|shown| shown == line), "{line} in\n{text}");
        }
        let position = service.authority.read().applied();
        assert!(text.contains(&format!("caracal_sts_authority_log_position {position}\n")));
    }
}
