//! The database file.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

/// How long a writer waits for another process before it gives up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const READERS: u32 = 4;
/// Bytes of a page. An entry has about 1 kB: twice the default size halves the writes of a batch,
/// and a batch of one entry still writes little. It applies to new files only.
const PAGE_SIZE: u32 = 8192;

pub(super) struct Storage {
    /// One connection: there is one sequencer.
    pub(super) writer: SqlitePool,
    pub(super) readers: SqlitePool,
}

#[derive(Debug, thiserror::Error)]
#[error("the ledger database cannot be opened")]
pub(super) enum StorageError {
    Database(#[from] sqlx::Error),
    Migration(#[from] sqlx::migrate::MigrateError),
}

pub(super) async fn open(path: &Path) -> Result<Storage, StorageError> {
    // FULL: a commit that was acknowledged survives the loss of power, not only of the process.
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .page_size(PAGE_SIZE)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT);
    let writer = SqlitePoolOptions::new()
        .max_connections(1)
        .connect_with(options)
        .await?;
    sqlx::migrate!("./migrations").run(&writer).await?;
    let options = SqliteConnectOptions::new().filename(path).read_only(true);
    let readers = SqlitePoolOptions::new()
        .max_connections(READERS)
        .connect_lazy_with(options.busy_timeout(BUSY_TIMEOUT));
    Ok(Storage { writer, readers })
}
