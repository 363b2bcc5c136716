//! What all doors of the service share.

use std::sync::Arc;

use caracal_mandate::event::Event;
use caracal_mandate::reason::Reason;
use caracal_store::Store;

use crate::authority::Authority;
use crate::clock::{Clock, Random};
use crate::config::StsConfig;
use crate::exchange::{Leases, SessionLocks};
use crate::feed::{Fanout, Registry};
use crate::jwks::Jwks;
use crate::keys::KeyRing;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::peers::Peers;
use crate::policy::PolicyRunner;
use crate::readiness::{Draining, Findings};
use crate::recorder::{Receipt, Recorder, Unrecorded};
use crate::telemetry::{self, Telemetry};

/// State and tools of the service.
pub(crate) struct Service {
    pub(crate) store: Store,
    pub(crate) authority: Arc<Authority>,
    pub(crate) policies: Arc<PolicyRunner>,
    pub(crate) keys: KeyRing,
    pub(crate) recorder: Recorder,
    pub(crate) registry: Arc<Registry>,
    pub(crate) fanout: Arc<Fanout>,
    pub(crate) sessions: SessionLocks,
    pub(crate) leases: Leases,
    pub(crate) metrics: Metrics,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) config: StsConfig,
    pub(crate) limits: Limits,
    pub(crate) jwks: Jwks,
    pub(crate) peers: Option<Peers>,
    pub(crate) draining: Draining,
    pub(crate) findings: Findings,
    pub(crate) telemetry: Telemetry,
}

impl Service {
    /// Whether the authority state is confirmed within the lease.
    pub(crate) fn is_fresh(&self) -> bool {
        self.authority
            .is_fresh(self.clock.reading(), self.config.lease_ms)
    }

    /// Records one decision, and how long that took.
    pub(crate) async fn record(&self, event: Event) -> Result<Receipt, Unrecorded> {
        telemetry::describe(&event);
        let _recording = telemetry::child("record");
        let started_us = self.clock.monotonic_us();
        let recorded = self.recorder.record(event).await;
        if recorded.is_ok() {
            let now_us = self.clock.monotonic_us();
            self.metrics.recorded(now_us.saturating_sub(started_us));
        }
        recorded
    }

    /// Question 0 of the decision order.
    pub(crate) fn check_fresh(&self) -> Result<(), Reason> {
        if self.is_fresh() {
            Ok(())
        } else {
            Err(Reason::AuthorityUnavailable)
        }
    }
}
