//! What the sequencer knows about one log, and how the database says it.

use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::merkle::{Frontier, Hash};

/// The tree of one zone as the sequencer last knew it to be durable.
#[derive(Debug, Clone)]
pub(super) enum LogState {
    /// Committed.
    Known(Frontier),
    /// A commit failed without telling whether it took place: the log is as before or as after.
    Uncertain { before: Frontier, after: Frontier },
}

/// A row of `log_state`.
pub(super) struct StateRow {
    pub(super) zone: String,
    pub(super) size: u64,
    pub(super) frontier: Vec<u8>,
    pub(super) root: Vec<u8>,
    pub(super) checkpoint_size: u64,
}

impl StateRow {
    pub(super) fn read(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            zone: row.try_get("zone")?,
            size: unsigned(row, "size")?,
            frontier: row.try_get("frontier")?,
            root: row.try_get("root")?,
            checkpoint_size: unsigned(row, "checkpoint_size")?,
        })
    }

    /// Whether the row says what `frontier` says.
    pub(super) fn is(&self, frontier: &Frontier) -> bool {
        self.size == frontier.size()
            && self.frontier == frontier.to_bytes()
            && Hash::from_bytes(&self.root) == Some(frontier.root())
    }
}

/// The row of one zone.
pub(super) async fn read(
    connection: &mut SqliteConnection,
    zone: &str,
) -> Result<Option<StateRow>, sqlx::Error> {
    let row = sqlx::query(
        "SELECT zone, size, frontier, root, checkpoint_size FROM log_state WHERE zone = $1",
    )
    .bind(zone)
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(StateRow::read).transpose()
}

/// A column that holds a count. SQL has no unsigned integers.
pub(super) fn unsigned(row: &SqliteRow, column: &str) -> Result<u64, sqlx::Error> {
    let value: i64 = row.try_get(column)?;
    u64::try_from(value).map_err(|source| sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: Box::new(source),
    })
}

/// A count for a column. Saturates: no log and no checked event reaches 2^63.
pub(super) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
