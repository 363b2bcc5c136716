//! Traces of OpenTelemetry: one span for each question, which joins the request's own trace, with a
//! child for each step that takes time.
//!
//! ```text
//! traceparent --> Telemetry::begin --> Trace --scope--> child("policy") ... --> queue --> collector
//! ```
//!
//! Off, which is the default, nothing here allocates: there is no [`Trace`], and a child is an empty
//! guard after one look at a thread-local. On, a finished trace goes into a bounded queue; one that is
//! full, or a collector that is away, costs the trace, which is counted, and nothing else. Attributes
//! are what the ledger's event says; no header, parameter or token is ever one.
//!
//! The ledger's entries go as logs, by another way that loses none: [`logs`].

mod collector;
mod context;
mod export;
mod header;
mod logs;
mod span;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tonic::transport::Uri;

use crate::clock::{Clock, Random};
pub use collector::TelemetryError;
use context::Parent;
use export::Exporter;
pub use header::{CollectorHeader, CollectorHeaderError};
pub use logs::{ExportCursorError, LogExportStatus, LogExportWatch, LogExporter, LogExporterError};
pub(crate) use span::{Trace, child, describe};

/// How long the last traces may take to leave when the service stops.
const FLUSH_PATIENCE: Duration = Duration::from_secs(2);

/// Where traces go, or the ledger's entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TelemetryConfig {
    /// A collector that takes OTLP over gRPC.
    pub endpoint: Uri,
    /// `service.name`.
    pub service_name: String,
    /// Authorities of its certificate, PEM, where the endpoint is https.
    pub authorities: Option<PathBuf>,
    /// What it is told with each call.
    pub headers: Vec<CollectorHeader>,
}

/// What became of spans so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct TelemetryStats {
    /// Taken by the collector.
    pub(crate) exported: u64,
    /// Not taken: the queue was full, or the collector away.
    pub(crate) dropped: u64,
}

/// The way in, on or off.
pub(crate) struct Telemetry {
    exporter: Option<Exporter>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl Telemetry {
    /// Connects when there is something to send.
    pub(crate) fn start(
        config: Option<&TelemetryConfig>,
        instance: &str,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, TelemetryError> {
        let exporter = config.map(|config| Exporter::start(config, instance));
        Ok(Self {
            exporter: exporter.transpose()?,
            clock,
            random,
        })
    }

    /// A trace for one question. `None` when tracing is off, and when whoever began the trace does
    /// not record it. A `traceparent` that cannot be read begins a new one (Trace Context §3.2).
    pub(crate) fn begin<'a>(
        &self,
        name: &'static str,
        traceparent: impl FnOnce() -> Option<&'a str>,
    ) -> Option<Trace> {
        let exporter = self.exporter.as_ref()?;
        let parent = traceparent().and_then(Parent::read);
        if parent.is_some_and(|parent| !parent.sampled) {
            return None;
        }
        let (clock, random) = (Arc::clone(&self.clock), &*self.random);
        Trace::begin(name, parent, exporter.queue(), clock, random)
    }

    /// Counts, if tracing is on.
    pub(crate) fn stats(&self) -> Option<TelemetryStats> {
        self.exporter.as_ref().map(Exporter::stats)
    }

    /// Sends what is queued.
    pub(crate) async fn flush(&self) {
        if let Some(exporter) = &self.exporter {
            // Traces are no promise: whoever waits for them has waited long enough.
            let _sent = tokio::time::timeout(FLUSH_PATIENCE, exporter.flush()).await;
        }
    }
}
