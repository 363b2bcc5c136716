//! The way of what was committed from `SQLite`'s write-ahead log into the file, beside the writer.
//!
//! By default whoever commits does it, every thousand pages: two fifths of the writer's time went there. Here
//! another connection does it, passively, so that it waits for nobody and nobody for it. The writer's own
//! setting remains for when this one does not keep up, and to begin the log anew: that takes a moment in which
//! all of it is in the file.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::AnyPool;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::causes::with_causes;

/// Between two passes. Pages that change in every transaction are written once in each.
const EVERY: Duration = Duration::from_millis(100);

/// A task that moves pages while the ledger is open.
pub(super) struct Backfill {
    bell: Arc<Notify>,
    pool: AnyPool,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Backfill {
    pub(super) fn start(pool: AnyPool) -> Self {
        let bell = Arc::new(Notify::new());
        let task = tokio::spawn(run(pool.clone(), Arc::clone(&bell)));
        Self {
            bell,
            pool,
            task: Mutex::new(Some(task)),
        }
    }

    /// Something was committed.
    pub(super) fn ring(&self) {
        self.bell.notify_one();
    }

    /// Ends the task, and gives its connection back. A pass that is at work is let end: the log is whole after
    /// half a pass too.
    pub(super) async fn stop(&self) {
        let task = {
            let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
            task.take()
        };
        if let Some(task) = task {
            task.abort();
        }
        self.pool.close().await;
    }
}

impl Drop for Backfill {
    fn drop(&mut self) {
        let task = self.task.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = task.take() {
            task.abort();
        }
    }
}

async fn run(pool: AnyPool, bell: Arc<Notify>) {
    loop {
        bell.notified().await;
        let pass = sqlx::raw_sql("PRAGMA wal_checkpoint(PASSIVE)");
        if let Err(error) = pass.execute(&pool).await {
            // The writer does it then, at its own measure.
            tracing::warn!(error = %with_causes(&error), "the write-ahead log was not moved into the ledger's file");
        }
        sleep(EVERY).await;
    }
}
