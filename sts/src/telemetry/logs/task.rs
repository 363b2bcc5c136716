//! The task: batch after batch of each zone in turn, for as long as the collector takes them.

use std::time::Duration;

use caracal_audit::{Ledger, ListQuery, LogSize, Order, ReadError, SearchError};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::cursor::{Cursor, CursorFile};
use super::record::log_record;
use super::{ExportCursorError, LogExportWatch, Sending};

/// Most entries of one batch, and most bytes of them: with its attributes an entry is about twice as
/// long, and a collector takes 4 MiB unless it is told otherwise.
const BATCH: u32 = 512;
const BATCH_BYTES: usize = 1024 * 1024;

/// How often the log is looked at once all of it is exported.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How often one that stands by tries to take over.
const STAND_BY: Duration = Duration::from_secs(2);

/// Shortest and longest pause after a failure; it doubles in between.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// How often the same trouble is mentioned in the log.
const COMPLAINTS: Duration = Duration::from_mins(1);

/// Why a batch did not leave.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("{0}")]
    Collector(String),
    #[error(transparent)]
    Cursor(#[from] ExportCursorError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Search(#[from] SearchError),
}

pub(super) struct Task {
    pub(super) ledger: Ledger,
    pub(super) sending: Sending,
    pub(super) watch: LogExportWatch,
    pub(super) stopped: watch::Receiver<bool>,
    /// When trouble was last mentioned, while there is some.
    pub(super) complained: Option<Instant>,
}

impl Task {
    /// Until it is stopped; then everything that is left, as far as nothing fails.
    pub(super) async fn run(mut self, file: CursorFile) {
        let Some(mut cursor) = self.take(&file).await else {
            return;
        };
        self.watch.update(|status| status.is_active = true);
        let mut pause = PAUSES.0;
        loop {
            // Looked at before the round: what was recorded until then is in it.
            let stopping = self.is_stopping();
            let round = self.round(&mut cursor).await;
            let wait = match round {
                Ok(_) => LOOK_EVERY,
                Err(_) => pause,
            };
            match round {
                Ok(true) => {
                    pause = PAUSES.0;
                    continue;
                }
                Ok(false) => pause = PAUSES.0,
                Err(trouble) => {
                    pause = pause.saturating_mul(2).min(PAUSES.1);
                    self.complain(&trouble);
                }
            }
            if stopping {
                return;
            }
            self.rest(wait).await;
        }
    }

    /// Whether it is time to stop. Nobody left who could say so is a reason as well.
    fn is_stopping(&self) -> bool {
        *self.stopped.borrow() || self.stopped.has_changed().is_err()
    }

    fn complain(&mut self, trouble: &Trouble) {
        let text = trouble.to_string();
        if self.complained.is_none_or(|at| at.elapsed() >= COMPLAINTS) {
            self.complained = Some(Instant::now());
            tracing::warn!(
                error = text,
                "entries of the ledger are not exported, will try again"
            );
        }
        self.watch.update(|status| status.trouble = Some(text));
    }

    /// Waits for the cursor file. `None` when it is time to stop.
    async fn take(&mut self, file: &CursorFile) -> Option<Cursor> {
        let mut said = false;
        while !self.is_stopping() {
            match file.take() {
                Ok(Some(cursor)) => return Some(cursor),
                Ok(None) if said => {}
                Ok(None) => {
                    said = true;
                    tracing::info!("another process exports the ledger, this one stands by");
                }
                Err(error) => {
                    let text = error.to_string();
                    tracing::error!(error = %text, "the ledger is not exported");
                    self.watch.update(|status| status.trouble = Some(text));
                }
            }
            self.rest(STAND_BY).await;
        }
        None
    }

    /// For so long, or until it is time to stop.
    async fn rest(&mut self, pause: Duration) {
        let _stopped = timeout(pause, self.stopped.wait_for(|stopped| *stopped)).await;
    }

    /// One batch of each zone that has some. Tells whether there was any.
    async fn round(&mut self, cursor: &mut Cursor) -> Result<bool, Trouble> {
        let logs = self.ledger.sizes().await?;
        let behind = |cursor: &Cursor| {
            let left = |log: &LogSize| log.size.saturating_sub(cursor.next(&log.zone));
            logs.iter().map(left).fold(0, u64::saturating_add)
        };
        let waiting = behind(cursor);
        self.watch.update(|status| status.behind = waiting);
        // A log that was put back keeps those of other zones from nothing.
        let mut put_back = None;
        for log in &logs {
            if cursor.next(&log.zone) == log.size {
                continue;
            }
            match self.batch(&log.zone, cursor).await {
                Ok(()) => {}
                Err(error @ Trouble::Search(SearchError::Shorter { .. })) => {
                    put_back = Some(error);
                }
                Err(other) => return Err(other),
            }
        }
        let left = behind(cursor);
        self.watch.update(|status| status.behind = left);
        if let Some(trouble) = put_back {
            self.complain(&trouble);
        } else {
            self.complained = None;
            self.watch.update(|status| status.trouble = None);
        }
        Ok(waiting > 0)
    }

    async fn batch(&mut self, zone: &str, cursor: &mut Cursor) -> Result<(), Trouble> {
        let next = cursor.next(zone);
        let query = ListQuery {
            zone: zone.to_owned(),
            order: Order::OldestFirst,
            after: next.checked_sub(1),
            limit: BATCH,
            ..ListQuery::default()
        };
        let page = self.ledger.search(&query).await?;
        let mut records = Vec::with_capacity(page.entries.len());
        let (mut bytes, mut reached) = (0_usize, page.bound);
        for entry in page.entries {
            bytes = bytes.saturating_add(entry.body.len());
            if bytes > BATCH_BYTES && !records.is_empty() {
                reached = entry.index;
                break;
            }
            records.push(log_record(zone, entry));
        }
        let count = u64::try_from(records.len()).unwrap_or(u64::MAX);
        let rejected = if records.is_empty() {
            0
        } else {
            let sent = self.sending.send(records).await;
            sent.map_err(Trouble::Collector)?
        };
        self.watch.update(|status| {
            status.exported = status
                .exported
                .saturating_add(count.saturating_sub(rejected));
            status.rejected = status.rejected.saturating_add(rejected);
            let gone = reached.saturating_sub(next).saturating_sub(count);
            status.skipped = status.skipped.saturating_add(gone);
        });
        if rejected > 0 {
            tracing::warn!(zone, rejected, "the collector will never take some entries");
        }
        Ok(cursor.advance(zone, reached).await?)
    }
}
