//! The database behind the authority state.

use std::fmt;
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::Duration;

use sqlx::SqlitePool;
use sqlx::migrate::MigrateError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use tokio::sync::watch;

use crate::number::unsigned;

/// How long one attempt waits for the writer of another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// Readers at the same time. They never wait for the writer (write-ahead log).
const READERS: u32 = 4;

/// The authority state. A cheap handle; clones share everything.
#[derive(Clone)]
pub struct Store {
    pub(crate) readers: SqlitePool,
    /// One connection: writers of this process queue here in order of arrival, where `SQLite` would
    /// let them poll.
    pub(crate) writer: SqlitePool,
    pub(crate) commits: watch::Sender<u64>,
    term: u64,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            readers: _,
            writer: _,
            commits,
            term,
        } = self;
        f.debug_struct("Store")
            .field("term", term)
            .field("seen", &*commits.borrow())
            .finish()
    }
}

/// Why the database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be made, or its mode cannot be set.
    #[error("the database file is not accessible")]
    File(#[source] io::Error),
    /// `SQLite` refuses.
    #[error("the database does not open")]
    Database(#[from] sqlx::Error),
    /// The schema is not one that this build knows.
    #[error("the database schema could not be brought up to date")]
    Migrate(#[from] MigrateError),
}

/// Why nothing could be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The database does not answer, or a row is not of the written form.
    #[error("the authority database could not be read")]
    Database(#[from] sqlx::Error),
}

impl Store {
    /// Opens the database at `path` and brings its schema up to date; makes it when there is none.
    /// The file is readable by its owner only.
    pub async fn open(path: &Path) -> Result<Self, OpenError> {
        // Before SQLite makes it: its own files beside this one take over the mode.
        std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .and_then(|file| file.set_permissions(std::fs::Permissions::from_mode(0o600)))
            .map_err(OpenError::File)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(false)
            .journal_mode(SqliteJournalMode::Wal)
            // A commit that was acknowledged survives the loss of power.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options.clone())
            .await?;
        sqlx::migrate!("./migrations").run(&writer).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_with(options)
            .await?;
        let (term, head): (i64, i64) = sqlx::query_as("SELECT term, head FROM meta")
            .fetch_one(&readers)
            .await?;
        let commits = watch::Sender::new(unsigned(head)?);
        Ok(Self {
            readers,
            writer,
            commits,
            term: unsigned(term)?,
        })
    }

    /// Incarnation of the log.
    #[must_use]
    pub const fn term(&self) -> u64 {
        self.term
    }

    /// The highest committed position, read from the database now.
    pub async fn head(&self) -> Result<u64, ReadError> {
        let (head,): (i64,) = sqlx::query_as("SELECT head FROM meta")
            .fetch_one(&self.readers)
            .await?;
        Ok(unsigned(head)?)
    }

    /// Wakes when this process has committed something. Another process's commits do not show
    /// here, so it saves time and proves nothing.
    #[must_use]
    pub fn commits(&self) -> watch::Receiver<u64> {
        self.commits.subscribe()
    }

    /// Closes the database after the running statements. Later calls fail.
    pub async fn close(&self) {
        self.writer.close().await;
        self.readers.close().await;
    }
}
