//! The ledger: a handle to one sequencer task over one database. On a `PostgreSQL` server the
//! sequencers of several processes take turns, and each checks what the others did.
//!
//! Sequencing, which gives an event its index and makes it durable, is what an acknowledgement
//! stands for. Publishing, which signs the state of the log, follows at most once a second.

mod append;
mod backfill;
mod growth;
mod known;
mod open;
mod proofs;
mod publisher;
mod read;
mod search;
mod self_check;
mod sequencer;
mod state;
mod statement;
mod storage;
#[cfg(test)]
mod tests;
mod tile_hashes;
mod witnessing;

use std::path::Path;
use std::sync::Arc;

use caracal_mandate::event::Event;
use caracal_store::{Connector, DatabaseUrl, Dialect};
use sqlx::AnyPool;
use tokio::sync::{Semaphore, mpsc, oneshot};

pub use append::{AppendError, Rejection};
pub use growth::LogSize;
pub use open::OpenError;
pub use proofs::{Consistency, NoProof};
pub(crate) use read::NEWEST_SETTLED;
pub use read::{ReadError, StoredEntry};
pub use search::{
    Cursor, CursorError, ListQuery, MAX_LIST, Order, Page, SEARCH_WINDOW, SearchError,
};
pub use self_check::SelfCheckStatus;
pub(crate) use state::{extend, signed, unsigned};
pub(crate) use storage::new_file;
pub use witnessing::{PublishRule, PublishRuleError, WitnessStatus, Witnessing};

use crate::note::{CheckpointSigner, CheckpointVerifier};
use growth::Bells;
use known::{KnownLogs, Trees};
use proofs::TileCache;
use self_check::{Checker, SelfCheck};
use storage::Storage;
use witnessing::WitnessedHandle;

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
    readers: AnyPool,
    dialect: Dialect,
    verifier: Arc<CheckpointVerifier>,
    /// Of the trees that proofs were made of.
    tiles: Arc<TileCache>,
    /// Rung when a log has grown.
    bells: Bells,
    /// Whether witnesses are asked, and what came of it.
    witnessed: Option<WitnessedHandle>,
    self_check: Arc<SelfCheck>,
}

impl Ledger {
    /// Opens or creates the ledger file at `path`, see [`Self::connect`].
    pub async fn open(
        path: &Path,
        signer: CheckpointSigner,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        Self::connect(&path.into(), signer, clock).await
    }

    /// Opens the ledger in a database and starts its sequencer. A file is made when there is none; a
    /// database of a server has to be there. All that write to one ledger need one signing key.
    ///
    /// Refuses a log that is shorter than, or different from, what was signed.
    pub async fn connect(
        place: &DatabaseUrl,
        signer: CheckpointSigner,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        Self::start(place, signer, clock, None).await
    }

    /// As [`Self::connect`], and asks witnesses for cosignatures of every checkpoint before it is
    /// published. All that write to one ledger do so, or none.
    pub async fn connect_witnessed(
        place: &DatabaseUrl,
        signer: CheckpointSigner,
        clock: Arc<dyn Clock>,
        witnessing: Witnessing,
    ) -> Result<Self, OpenError> {
        Self::start(place, signer, clock, Some(witnessing)).await
    }

    async fn start(
        place: &DatabaseUrl,
        signer: CheckpointSigner,
        clock: Arc<dyn Clock>,
        witnessing: Option<Witnessing>,
    ) -> Result<Self, OpenError> {
        let verifier = signer.verifier();
        let storage = Storage::open(place).await?;
        let logs = open::load(&storage.writer, &verifier).await?;
        let (handoff, witnessed) = witnessing
            .map(|witnessing| {
                witnessing::start(witnessing, storage.readers.clone(), verifier.clone())
            })
            .unzip();
        let trees = Trees::new(logs);
        let checker = Checker::new(place, trees.clone(), verifier.clone(), Arc::clone(&clock))?;
        let logs = KnownLogs::new(trees, verifier.clone());
        let dialect = storage.writer.dialect;
        // Capacity in requests; the permits bound the submissions in them, and none is empty.
        let (commands, inbox) = mpsc::channel(QUEUE_LIMIT);
        let publisher = publisher::Publisher::new(signer, handoff);
        let bells = Bells::default();
        let (writer, ringing) = (storage.writer, bells.clone());
        let sequencer = sequencer::Sequencer::new(writer, logs, publisher, clock, ringing);
        tokio::spawn(sequencer.run(inbox));
        let permits = Arc::new(Semaphore::new(QUEUE_LIMIT));
        Ok(Self {
            commands,
            permits,
            readers: storage.readers,
            dialect,
            verifier: Arc::new(verifier),
            tiles: Arc::default(),
            bells,
            witnessed,
            self_check: Arc::new(SelfCheck::start(checker)),
        })
    }

    /// Brings the schema up to date, as the owner of the database.
    pub async fn migrate(place: &DatabaseUrl) -> Result<(), OpenError> {
        Ok(storage::migrate(&Connector::new(place)?).await?)
    }

    /// Makes the role `caracal_ledger` of a server, as the owner of the database who may make roles:
    /// it appends, and changes nothing. To be repeated after [`Self::migrate`].
    pub async fn create_roles(place: &DatabaseUrl) -> Result<(), OpenError> {
        Ok(storage::create_roles(&Connector::new(place)?).await?)
    }

    /// The verifier key text; [`CheckpointVerifier::for_zone`](crate::CheckpointVerifier::for_zone)
    /// derives the key of one zone's log from it.
    #[must_use]
    pub fn verifier_key(&self) -> String {
        self.verifier.to_text()
    }

    /// Whether the sequencer takes events: false after it was closed or lost a race. For readiness.
    #[must_use]
    pub fn is_running(&self) -> bool {
        !self.commands.is_closed()
    }

    /// What came of asking witnesses, for readiness and metrics; `None` where none are asked.
    #[must_use]
    pub fn witness_status(&self) -> Option<WitnessStatus> {
        self.witnessed.as_ref().map(WitnessedHandle::status)
    }

    /// What came of the ledger's continuous check of itself, for readiness and metrics.
    #[must_use]
    pub fn self_check(&self) -> SelfCheckStatus {
        self.self_check.status()
    }

    /// Takes what is queued, publishes, and stops. Appends from other handles fail from now on.
    pub async fn close(self) {
        self.self_check.stop().await;
        let (done, closed) = oneshot::channel();
        // Both fail only if the sequencer has ended already, which is what is asked for.
        if self.commands.send(Command::Close(done)).await.is_ok() {
            let _ended = closed.await;
        }
        self.readers.close().await;
    }
}
