//! How long the logs are, and waiting until one has grown.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::Row as _;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::state::unsigned;
use super::{Ledger, Position, ReadError};

/// How often a waiter looks by itself: nobody rings for what other replicas append.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// One log and how long it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSize {
    /// Its zone.
    pub zone: String,
    /// Entries that it has had, those included that retention has removed since.
    pub size: u64,
}

/// A bell for each zone that somebody waits for.
#[derive(Clone, Default)]
pub(super) struct Bells(Arc<Mutex<HashMap<String, watch::Sender<()>>>>);

impl Bells {
    /// After a commit. Costs a look at an empty table where nobody waits.
    pub(super) fn ring(&self, appended: &[Vec<Position>]) {
        let mut bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if bells.is_empty() {
            return;
        }
        bells.retain(|_, bell| bell.receiver_count() > 0);
        for position in appended.iter().flatten() {
            if let Some(bell) = bells.get(&position.zone) {
                bell.send_replace(());
            }
        }
    }

    fn listen(&self, zone: &str) -> watch::Receiver<()> {
        let mut bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Bells of those who have gone: of zones that nobody appends to, none other would go.
        bells.retain(|_, bell| bell.receiver_count() > 0);
        let bell = bells.entry(zone.to_owned());
        bell.or_insert_with(|| watch::Sender::new(())).subscribe()
    }
}

impl Ledger {
    /// How long the log of each zone is, as committed.
    pub async fn sizes(&self) -> Result<Vec<LogSize>, ReadError> {
        let rows = sqlx::query("SELECT zone, size FROM log_state ORDER BY zone")
            .fetch_all(&self.readers)
            .await?;
        let log = |row| {
            Ok(LogSize {
                zone: sqlx::any::AnyRow::try_get(row, "zone")?,
                size: unsigned(row, "size")?,
            })
        };
        Ok(rows.iter().map(log).collect::<Result<_, sqlx::Error>>()?)
    }

    /// Waits until the log of a zone has more than `size` entries, and for no longer than `patience`.
    /// Tells whether it has. What this process appends wakes at once; what other replicas append is seen
    /// within half a second.
    pub async fn wait_for_growth(
        &self,
        zone: &str,
        size: u64,
        patience: Duration,
    ) -> Result<bool, ReadError> {
        let mut bell = self.bells.listen(zone);
        let started = Instant::now();
        loop {
            // Before the look: whatever is committed after it rings.
            bell.mark_unchanged();
            if self.size(zone).await? > size {
                return Ok(true);
            }
            let left = patience.saturating_sub(started.elapsed());
            if left.is_zero() {
                return Ok(false);
            }
            let pause = left.min(LOOK_EVERY);
            if let Ok(Err(_)) = timeout(pause, bell.changed()).await {
                // Nobody will ring.
                sleep(pause).await;
            }
        }
    }
}
