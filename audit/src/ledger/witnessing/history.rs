//! Proofs for witnesses, out of the database.

use sqlx::any::AnyRow;
use sqlx::{AnyPool, Row as _};

use crate::ledger::state::signed;
use crate::merkle::{Frontier, Hash, growth_proof, verify_consistency};
use crate::note::Checkpoint;
use crate::witness::client::{BoxFuture, History, HistoryError};

/// The log of one zone, up to one checkpoint.
pub(super) struct ZoneHistory {
    pub(super) database: AnyPool,
    pub(super) zone: String,
    pub(super) checkpoint: Checkpoint,
}

impl History for ZoneHistory {
    fn consistency(&self, older: u64) -> BoxFuture<'_, Result<Vec<Hash>, HistoryError>> {
        Box::pin(self.proof(older))
    }
}

impl ZoneHistory {
    /// What a witness has seen was signed, so its frontier is stored, and the proof costs as much as
    /// the log grew since.
    async fn proof(&self, older: u64) -> Result<Vec<Hash>, HistoryError> {
        let not_signed = || HistoryError::NotSigned(older);
        let frontier: Option<Vec<u8>> =
            sqlx::query_scalar("SELECT frontier FROM checkpoints WHERE zone = $1 AND size = $2")
                .bind(self.zone.clone())
                .bind(signed(older))
                .fetch_optional(&self.database)
                .await
                .map_err(read)?;
        let frontier = frontier.ok_or_else(not_signed)?;
        let frontier = Frontier::from_bytes(older, &frontier).map_err(|_| not_signed())?;
        let rows = sqlx::query(
            "SELECT leaf_hash FROM log_entries WHERE zone = $1 AND idx >= $2 AND idx < $3 \
             ORDER BY idx",
        )
        .bind(self.zone.clone())
        .bind(signed(older))
        .bind(signed(self.checkpoint.size))
        .fetch_all(&self.database)
        .await
        .map_err(read)?;
        let leaves: Vec<Hash> = rows.iter().map(leaf).collect::<Result<_, _>>()?;
        let proof = growth_proof(&frontier, &leaves).ok_or_else(not_signed)?;
        // A witness would take a wrong proof for a second history of this log.
        let new = (self.checkpoint.size, self.checkpoint.root);
        verify_consistency((older, frontier.root()), new, &proof).map_err(|_| not_signed())?;
        Ok(proof)
    }
}

fn leaf(row: &AnyRow) -> Result<Hash, HistoryError> {
    let bytes: Vec<u8> = row.try_get("leaf_hash").map_err(read)?;
    Hash::from_bytes(&bytes)
        .ok_or_else(|| HistoryError::Read("a leaf hash has not 32 bytes".into()))
}

fn read(error: sqlx::Error) -> HistoryError {
    HistoryError::Read(error.into())
}
