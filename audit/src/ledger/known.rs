//! What this sequencer knows of the logs, held against what the database says.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sqlx::AnyConnection;

use super::open::{self, OpenError};
use super::state::{StateRow, extend};
use crate::merkle::Frontier;
use crate::note::CheckpointVerifier;

/// The tree of each zone, as this process last saw it committed. Clones are one.
#[derive(Clone, Default)]
pub(super) struct Trees(Arc<Mutex<HashMap<String, Frontier>>>);

impl Trees {
    pub(super) fn new(logs: HashMap<String, Frontier>) -> Self {
        Self(Arc::new(Mutex::new(logs)))
    }

    /// All of them at one moment. What the database says afterwards is no less.
    pub(super) fn snapshot(&self) -> HashMap<String, Frontier> {
        self.all().clone()
    }

    fn get(&self, zone: &str) -> Option<Frontier> {
        self.all().get(zone).cloned()
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Frontier>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The trees, and the key that logs of others are checked with.
pub(super) struct KnownLogs {
    trees: Trees,
    /// When the last entry was recorded, of a log of that size.
    times: HashMap<String, (u64, u64)>,
    verifier: CheckpointVerifier,
}

/// Why the log of a zone cannot be gone on with.
#[derive(Debug, thiserror::Error)]
pub(super) enum FollowError {
    #[error("the log could not be read")]
    Storage(#[from] sqlx::Error),
    /// It is no continuation of what was known: it was put back, or changed.
    #[error("the log of zone {0:?} does not continue what this sequencer knows")]
    Fenced(String),
}

impl KnownLogs {
    pub(super) fn new(trees: Trees, verifier: CheckpointVerifier) -> Self {
        let times = HashMap::new();
        Self {
            trees,
            times,
            verifier,
        }
    }

    /// What was committed.
    pub(super) fn commit(&mut self, zone: String, frontier: Frontier) {
        self.trees.all().insert(zone, frontier);
    }

    /// When the last entry was recorded that was committed, in Unix milliseconds.
    pub(super) fn commit_time(&mut self, zone: &str, size: u64, recorded_ms: u64) {
        match self.times.get_mut(zone) {
            Some(time) => *time = (size, recorded_ms),
            None => {
                self.times.insert(zone.to_owned(), (size, recorded_ms));
            }
        }
    }

    /// When the last entry of a log of `size` entries was recorded; `None` where others wrote it.
    pub(super) fn last_time(&self, zone: &str, size: u64) -> Option<u64> {
        let known = self.times.get(zone).filter(|known| known.0 == size);
        known.map(|known| known.1)
    }

    /// The log of `row`, within a transaction that has the turn. It is as this sequencer left it; or
    /// longer, by what other replicas appended, or by a commit of its own whose answer was lost. A
    /// longer one is taken when its entries, put upon what is known, come to what it says it is. So
    /// replicas need no trust in each other's frontiers, and none of them goes on from a database
    /// that was put back.
    pub(super) async fn follow(
        &self,
        connection: &mut AnyConnection,
        row: &StateRow,
    ) -> Result<Frontier, FollowError> {
        let zone = &row.zone;
        let fenced = || FollowError::Fenced(zone.clone());
        let Some(known) = self.trees.get(zone) else {
            // Another replica made it.
            return match open::check(connection, row, &self.verifier).await {
                Ok(frontier) => Ok(frontier),
                Err(OpenError::Database(error)) => Err(error.into()),
                Err(error) => {
                    tracing::error!(%error, "a new log does not hold");
                    Err(fenced())
                }
            };
        };
        if row.is(&known) {
            return Ok(known);
        }
        if row.size <= known.size() {
            return Err(fenced());
        }
        let longer = extend(connection, zone, known, row.size).await?;
        longer
            .filter(|frontier| row.is(frontier))
            .ok_or_else(fenced)
    }

    /// Whether a zone that the database does not have is new to this sequencer too.
    pub(super) fn may_create(&self, zone: &str) -> bool {
        self.trees.get(zone).is_none_or(|log| log.size() == 0)
    }
}
