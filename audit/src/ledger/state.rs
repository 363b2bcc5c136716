//! What the database says about one log.

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};

use crate::merkle::{Frontier, Hash};

/// A row of `log_state`.
pub(super) struct StateRow {
    pub(super) zone: String,
    pub(super) size: u64,
    pub(super) frontier: Vec<u8>,
    pub(super) root: Vec<u8>,
    pub(super) checkpoint_size: u64,
}

impl StateRow {
    pub(super) fn read(row: &AnyRow) -> Result<Self, sqlx::Error> {
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
    connection: &mut AnyConnection,
    zone: &str,
) -> Result<Option<StateRow>, sqlx::Error> {
    let row = sqlx::query(
        "SELECT zone, size, frontier, root, checkpoint_size FROM log_state WHERE zone = $1",
    )
    .bind(zone.to_owned())
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(StateRow::read).transpose()
}

/// Appends to `frontier` what the log has beyond it, up to `size`. `None` when an entry is missing or
/// its hash is none.
pub(crate) async fn extend(
    connection: &mut AnyConnection,
    zone: &str,
    mut frontier: Frontier,
    size: u64,
) -> Result<Option<Frontier>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT idx, leaf_hash FROM log_entries WHERE zone = $1 AND idx >= $2 AND idx < $3 \
         ORDER BY idx",
    )
    .bind(zone.to_owned())
    .bind(signed(frontier.size()))
    .bind(signed(size))
    .fetch_all(connection)
    .await?;
    for row in &rows {
        let leaf: Vec<u8> = row.try_get("leaf_hash")?;
        match Hash::from_bytes(&leaf) {
            Some(leaf) if unsigned(row, "idx")? == frontier.size() => frontier.append(leaf),
            _ => return Ok(None),
        }
    }
    Ok((frontier.size() == size).then_some(frontier))
}

/// A column that holds a count. SQL has no unsigned integers.
pub(crate) fn unsigned(row: &AnyRow, column: &str) -> Result<u64, sqlx::Error> {
    let value: i64 = row.try_get(column)?;
    u64::try_from(value).map_err(|source| sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: Box::new(source),
    })
}

/// A count for a column. Saturates: no log and no checked event reaches 2^63.
pub(crate) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
