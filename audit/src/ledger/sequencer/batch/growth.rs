//! The logs that a transaction grows.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::AnyConnection;

use super::super::super::known::KnownLogs;
use super::super::super::state::{self, signed};
use super::super::super::tile_hashes::{self, TileHash};
use super::{BatchError, time};
use crate::merkle::{Frontier, Hash};

/// One log, before the transaction and as far as it is now.
pub(super) struct Growth {
    pub(super) zone: Arc<str>,
    pub(super) before: Frontier,
    pub(super) after: Frontier,
    /// What the new entries completed in the levels above them.
    pub(super) completed: Vec<TileHash>,
    /// What its new entries are recorded at, in Unix milliseconds.
    pub(super) recorded_ms: u64,
}

impl Growth {
    /// Appends an entry.
    pub(super) fn append(&mut self, leaf: Hash) {
        tile_hashes::append(&mut self.after, leaf, &mut self.completed);
    }
}

/// The log of a zone, as it stands within this transaction.
pub(super) async fn of<'a>(
    connection: &mut AnyConnection,
    logs: &KnownLogs,
    grown: &'a mut HashMap<String, Growth>,
    zone: &str,
    now_ms: u64,
) -> Result<&'a mut Growth, BatchError> {
    if !grown.contains_key(zone) {
        let before = start(connection, zone, logs).await?;
        let growth = Growth {
            zone: zone.into(),
            after: before.clone(),
            recorded_ms: time::next(connection, zone, logs, before.size(), now_ms).await?,
            before,
            completed: Vec::new(),
        };
        grown.insert(zone.to_owned(), growth);
    }
    grown
        .get_mut(zone)
        .ok_or_else(|| BatchError::Fenced(zone.to_owned()))
}

/// The log as the database has it, if it continues what this sequencer knows. The turn is taken, so
/// it stays that way.
async fn start(
    connection: &mut AnyConnection,
    zone: &str,
    logs: &KnownLogs,
) -> Result<Frontier, BatchError> {
    match state::read(connection, zone).await? {
        Some(row) => Ok(logs.follow(connection, &row).await?),
        // A new zone, or one whose first commit did not take place.
        None if logs.may_create(zone) => {
            create(connection, zone).await?;
            Ok(Frontier::new())
        }
        None => Err(BatchError::Fenced(zone.to_owned())),
    }
}

async fn create(connection: &mut AnyConnection, zone: &str) -> Result<(), BatchError> {
    sqlx::query(
        "INSERT INTO log_state (zone, size, frontier, root, checkpoint_size) \
         VALUES ($1, 0, $2, $3, 0)",
    )
    .bind(zone.to_owned())
    .bind(Frontier::new().to_bytes())
    .bind(Hash::empty().0.to_vec())
    .execute(connection)
    .await?;
    Ok(())
}

/// Moves the log's state forward from exactly where this transaction found it: even with a lock that
/// does not lock, two sequencers cannot both win.
pub(super) async fn advance(
    connection: &mut AnyConnection,
    zone: &str,
    growth: &Growth,
) -> Result<(), BatchError> {
    let moved = sqlx::query(
        "UPDATE log_state SET size = $1, frontier = $2, root = $3 \
         WHERE zone = $4 AND size = $5 AND root = $6",
    )
    .bind(signed(growth.after.size()))
    .bind(growth.after.to_bytes())
    .bind(growth.after.root().0.to_vec())
    .bind(zone.to_owned())
    .bind(signed(growth.before.size()))
    .bind(growth.before.root().0.to_vec())
    .execute(&mut *connection)
    .await?;
    if moved.rows_affected() != 1 {
        return Err(BatchError::Fenced(zone.to_owned()));
    }
    Ok(tile_hashes::insert(connection, zone, &growth.completed).await?)
}
