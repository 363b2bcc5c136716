//! The ledger's entries as logs of OpenTelemetry.
//!
//! ```text
//! ledger --search from the cursor--> batch --OTLP/gRPC--> collector --taken--> cursor file
//! ```
//!
//! Nothing is queued: the log is the queue. So an append knows nothing of this, a collector that is away
//! loses nothing and takes no memory, and a restart goes on where the cursor is. The cursor moves after
//! the collector has taken a batch; whoever is killed between the two sends that one batch again. Zone
//! and index tell such entries apart.
//!
//! Who holds the lock of the cursor file exports; other processes with the same file stand by.

mod cursor;
mod record;
mod sending;
mod status;
mod task;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use caracal_audit::Ledger;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{TelemetryConfig, TelemetryError};
use cursor::CursorFile;
pub use cursor::ExportCursorError;
use sending::Sending;
pub use status::{LogExportStatus, LogExportWatch};
use task::Task;

/// Why the ledger's entries cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum LogExporterError {
    /// The way to the collector.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// The cursor file.
    #[error(transparent)]
    Cursor(#[from] ExportCursorError),
}

/// It runs until it is stopped.
#[derive(Debug)]
pub struct LogExporter {
    watch: LogExportWatch,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl LogExporter {
    /// Goes on where the file at `cursor` says, or begins with the oldest entries. A file that is
    /// damaged, or of another ledger, is refused here, not when it is this process's turn.
    pub fn start(
        config: &TelemetryConfig,
        instance: &str,
        ledger: Ledger,
        cursor: PathBuf,
    ) -> Result<Self, LogExporterError> {
        let file = CursorFile::new(cursor, ledger.verifier_key());
        file.check()?;
        let watch = LogExportWatch::default();
        let (stop, stopped) = watch::channel(false);
        let task = Task {
            ledger,
            sending: Sending::new(config, instance)?,
            watch: watch.clone(),
            stopped,
            complained: None,
        };
        let task = tokio::spawn(task.run(file));
        Ok(Self { watch, stop, task })
    }

    /// How far it is.
    #[must_use]
    pub fn watch(&self) -> LogExportWatch {
        self.watch.clone()
    }

    /// Exports what is left, and stops. What `patience` is too short for is exported after the next
    /// start.
    pub async fn stop(self, patience: Duration) {
        self.stop.send_replace(true);
        let mut task = self.task;
        if tokio::time::timeout(patience, &mut task).await.is_err() {
            task.abort();
        }
    }
}
