//! The ledger: a handle to one sequencer task over one `SQLite` file.
//!
//! Sequencing, which gives an event its index and makes it durable, is what an acknowledgement
//! stands for. Publishing, which signs the state of the log, follows at most once a second.

mod append;
mod open;
mod publisher;
mod read;
mod sequencer;
mod state;
mod storage;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use caracal_mandate::event::Event;
use sqlx::sqlite::SqlitePool;
use tokio::sync::{Semaphore, mpsc, oneshot};

pub use append::{AppendError, Rejection};
pub use open::OpenError;
pub use read::{ListQuery, MAX_LIST, ReadError, StoredEntry};

use crate::note::CheckpointSigner;

/// Submissions that may wait for the sequencer; more are pushed back, never dropped.
pub const QUEUE_LIMIT: usize = 4096;
/// Most submissions of one call of [`Ledger::append`].
pub const MAX_BATCH: usize = 1024;

/// Where the ledger takes the time from.
pub trait Clock: Send + Sync {
    /// Unix time in milliseconds.
    fn unix_ms(&self) -> u64;
}

/// One event on its way into the ledger.
#[derive(Debug, Clone)]
pub struct Submission {
    /// The event.
    pub event: Event,
    /// Identity of the producer as the transport verified it: a SPIFFE ID, or `local`.
    pub peer: String,
}

/// Where an event stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Position {
    /// Its zone, hence its log.
    pub zone: String,
    /// Its index there, from 0.
    pub index: u64,
}

/// What the handle asks of the sequencer.
enum Command {
    Append(append::Request),
    Close(oneshot::Sender<()>),
}

/// A cheap handle to the sequencer. The sequencer ends when the last handle is gone, or at
/// [`Ledger::close`]; both publish what is in the log.
#[derive(Clone)]
pub struct Ledger {
    commands: mpsc::Sender<Command>,
    permits: Arc<Semaphore>,
    readers: SqlitePool,
    verifier_key: Arc<str>,
}

impl Ledger {
    /// Opens or creates the ledger at `path` and starts its sequencer.
    ///
    /// Refuses a log that is shorter than, or different from, what was signed.
    pub async fn open(
        path: &Path,
        signer: CheckpointSigner,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        let verifier_key = signer.verifier().to_text().into();
        let storage = storage::open(path).await?;
        let logs = open::load(&storage.writer, &signer.verifier()).await?;
        // Capacity in requests; the permits bound the submissions in them, and none is empty.
        let (commands, inbox) = mpsc::channel(QUEUE_LIMIT);
        let publisher = publisher::Publisher::new(signer);
        tokio::spawn(sequencer::Sequencer::new(storage.writer, logs, publisher, clock).run(inbox));
        let permits = Arc::new(Semaphore::new(QUEUE_LIMIT));
        Ok(Self {
            commands,
            permits,
            readers: storage.readers,
            verifier_key,
        })
    }

    /// The verifier key text; [`CheckpointVerifier::for_zone`](crate::CheckpointVerifier::for_zone)
    /// derives the key of one zone's log from it.
    #[must_use]
    pub fn verifier_key(&self) -> String {
        self.verifier_key.as_ref().to_owned()
    }

    /// Whether the sequencer takes events: false after it was closed or lost a race. For readiness.
    #[must_use]
    pub fn is_running(&self) -> bool {
        !self.commands.is_closed()
    }

    /// Takes what is queued, publishes, and stops. Appends from other handles fail from now on.
    pub async fn close(self) {
        let (done, closed) = oneshot::channel();
        // Both fail only if the sequencer has ended already, which is what is asked for.
        if self.commands.send(Command::Close(done)).await.is_ok() {
            let _ended = closed.await;
        }
        self.readers.close().await;
    }
}
