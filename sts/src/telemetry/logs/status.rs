//! How far the export is.

use std::sync::{Arc, Mutex, PoisonError};

/// What became of entries since the start, and what waits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogExportStatus {
    /// Whether this process is the one that exports.
    pub is_active: bool,
    /// Entries that the collector took.
    pub exported: u64,
    /// Entries that the collector said it will never take. They are not sent again.
    pub rejected: u64,
    /// Entries that were gone before they were exported.
    pub skipped: u64,
    /// Entries that wait, in all zones.
    pub behind: u64,
    /// What stands in the way, for people.
    pub trouble: Option<String>,
}

/// A look at it, at any time.
#[derive(Debug, Clone, Default)]
pub struct LogExportWatch(Arc<Mutex<LogExportStatus>>);

impl LogExportWatch {
    /// How far it is now.
    #[must_use]
    pub fn status(&self) -> LogExportStatus {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut LogExportStatus)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
