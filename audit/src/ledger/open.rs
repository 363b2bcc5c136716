//! What is checked before a sequencer may write: the log against what was signed.
//!
//! It costs as much as the log grew since its newest checkpoint, not as much as the log is long.

use std::collections::HashMap;

use sqlx::{AnyConnection, Row as _};

use super::state::{StateRow, extend, unsigned};
use super::storage::Writer;
use crate::merkle::Frontier;
use crate::note::{CheckpointError, CheckpointVerifier};

/// Why a ledger is not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The database does not work.
    #[error("the ledger database cannot be read")]
    Database(#[from] sqlx::Error),
    /// The database does not open, or has another schema.
    #[error(transparent)]
    Open(#[from] caracal_store::OpenError),
    /// The newest checkpoint is not one that this key signed for this zone.
    #[error("the newest checkpoint of zone {zone:?}, for size {size}, does not hold")]
    Checkpoint {
        /// The zone.
        zone: String,
        /// Size that the checkpoint is stored for.
        size: u64,
        /// What is wrong with it.
        #[source]
        source: CheckpointError,
    },
    /// Entries that were signed are not there.
    #[error("the log of zone {zone:?} has {size} entries, but {signed} were signed")]
    Shorter {
        /// The zone.
        zone: String,
        /// Entries in the log.
        size: u64,
        /// Entries that the newest checkpoint covers.
        signed: u64,
    },
    /// The newest checkpoint is not the one that was published last.
    #[error(
        "zone {zone:?} was signed at size {recorded}, but its newest checkpoint has size {found}"
    )]
    CheckpointMissing {
        /// The zone.
        zone: String,
        /// Size of the checkpoint that was published last.
        recorded: u64,
        /// Size of the newest that is there.
        found: u64,
    },
    /// The log does not have the root that was signed, or not the one that it says it has.
    #[error(
        "the log of zone {zone:?} with {size} entries differs from its checkpoint for {signed}"
    )]
    RootMismatch {
        /// The zone.
        zone: String,
        /// Entries in the log.
        size: u64,
        /// Entries that the newest checkpoint covers.
        signed: u64,
    },
}

/// The logs of all zones, each checked against its newest checkpoint.
pub(super) async fn load(
    writer: &Writer,
    verifier: &CheckpointVerifier,
) -> Result<HashMap<String, Frontier>, OpenError> {
    let mut connection = writer.pool.acquire().await?;
    // With the turn, so that another process cannot write between the reads.
    let mut transaction = writer.begin(&mut connection).await?;
    let rows = sqlx::query("SELECT zone, size, frontier, root, checkpoint_size FROM log_state")
        .fetch_all(&mut *transaction)
        .await?;
    let mut logs = HashMap::with_capacity(rows.len());
    for row in &rows {
        let state = StateRow::read(row)?;
        let frontier = check(&mut transaction, &state, verifier).await?;
        logs.insert(state.zone, frontier);
    }
    transaction.rollback().await?;
    Ok(logs)
}

/// The log that `state` speaks of, checked against its newest checkpoint.
pub(super) async fn check(
    connection: &mut AnyConnection,
    state: &StateRow,
    verifier: &CheckpointVerifier,
) -> Result<Frontier, OpenError> {
    let zone = &state.zone;
    let frontier = signed_frontier(connection, zone, verifier).await?;
    let signed_size = frontier.size();
    let last: Option<i64> = sqlx::query_scalar("SELECT MAX(idx) FROM log_entries WHERE zone = $1")
        .bind(zone.clone())
        .fetch_one(&mut *connection)
        .await?;
    let present = last
        .and_then(|last| u64::try_from(last).ok())
        .map_or(0, |last| last.saturating_add(1));
    let size = state.size.min(present);
    if size < signed_size {
        return Err(OpenError::Shorter {
            zone: zone.clone(),
            size,
            signed: signed_size,
        });
    }
    if state.checkpoint_size != signed_size {
        return Err(OpenError::CheckpointMissing {
            zone: zone.clone(),
            recorded: state.checkpoint_size,
            found: signed_size,
        });
    }
    let different = || OpenError::RootMismatch {
        zone: zone.clone(),
        size,
        signed: signed_size,
    };
    // Entries beyond what the state says are as wrong as those that are missing.
    let frontier = extend(connection, zone, frontier, present).await?;
    frontier
        .filter(|frontier| state.is(frontier))
        .ok_or_else(different)
}

/// The tree that the newest checkpoint signs. The frontier beside the note carries no signature,
/// and needs none: only the true one hashes to the signed root.
async fn signed_frontier(
    connection: &mut AnyConnection,
    zone: &str,
    verifier: &CheckpointVerifier,
) -> Result<Frontier, OpenError> {
    let row = sqlx::query(
        "SELECT size, note, frontier FROM checkpoints WHERE zone = $1 ORDER BY size DESC LIMIT 1",
    )
    .bind(zone.to_owned())
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else {
        return Ok(Frontier::new());
    };
    let (size, note): (u64, String) = (unsigned(&row, "size")?, row.try_get("note")?);
    let checkpoint = verifier
        .for_zone(zone)
        .open_checkpoint(&note)
        .map_err(|source| OpenError::Checkpoint {
            zone: zone.to_owned(),
            size,
            source,
        })?;
    let stored: Vec<u8> = row.try_get("frontier")?;
    Frontier::from_bytes(checkpoint.size, &stored)
        .ok()
        .filter(|frontier| frontier.root() == checkpoint.root && size == checkpoint.size)
        .ok_or_else(|| OpenError::RootMismatch {
            zone: zone.to_owned(),
            size,
            signed: checkpoint.size,
        })
}
