//! The publisher: signs the state of logs that grew.

use std::collections::HashMap;

use sqlx::sqlite::SqlitePool;

use super::state::{LogState, signed};
use crate::merkle::Frontier;
use crate::note::{Checkpoint, CheckpointSigner};

/// Why a checkpoint was not published.
#[derive(Debug, thiserror::Error)]
pub(super) enum PublishError {
    #[error("the checkpoint could not be stored")]
    Storage(#[from] sqlx::Error),
    /// The row with the last signed size was moved by somebody else: two publishers, or a database
    /// that was put back. Signing on could sign two histories of one log.
    #[error("the log of zone {0:?} is not as this publisher left it")]
    Fenced(String),
}

/// Signs, and remembers up to where it signed.
pub(super) struct Publisher {
    signer: CheckpointSigner,
    published: HashMap<String, u64>,
}

impl Publisher {
    pub(super) fn new(signer: CheckpointSigner) -> Self {
        Self {
            signer,
            published: HashMap::new(),
        }
    }

    /// Publishes every log that grew since its last checkpoint.
    pub(super) async fn publish(
        &mut self,
        pool: &SqlitePool,
        logs: &HashMap<String, LogState>,
    ) -> Result<(), PublishError> {
        for (zone, log) in logs {
            // An uncertain log is settled by the next append; until then there is nothing to sign.
            let LogState::Known(frontier) = log else {
                continue;
            };
            if self
                .published
                .get(zone)
                .is_none_or(|size| *size < frontier.size())
            {
                self.publish_one(pool, zone, frontier).await?;
                self.published.insert(zone.clone(), frontier.size());
            }
        }
        Ok(())
    }

    async fn publish_one(
        &self,
        pool: &SqlitePool,
        zone: &str,
        frontier: &Frontier,
    ) -> Result<(), PublishError> {
        let fenced = || PublishError::Fenced(zone.to_owned());
        let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
        let state = super::state::read(&mut transaction, zone)
            .await?
            .ok_or_else(fenced)?;
        if !state.is(frontier) {
            return Err(fenced());
        }
        if state.checkpoint_size == frontier.size() {
            return Ok(());
        }
        // One row is compared and swapped for every signature that leaves this place.
        let swapped = sqlx::query(
            "UPDATE log_state SET checkpoint_size = $1 \
             WHERE zone = $2 AND size = $1 AND checkpoint_size = $3",
        )
        .bind(signed(frontier.size()))
        .bind(zone)
        .bind(signed(state.checkpoint_size))
        .execute(&mut *transaction)
        .await?;
        if swapped.rows_affected() != 1 {
            return Err(fenced());
        }
        let origin = self.signer.origin(zone);
        let (size, root) = (frontier.size(), frontier.root());
        sqlx::query(
            "INSERT INTO checkpoints (zone, size, note, frontier, previous_size) \
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(zone)
        .bind(signed(size))
        .bind(self.signer.sign(&Checkpoint { origin, size, root }))
        .bind(frontier.to_bytes())
        .bind(signed(state.checkpoint_size))
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }
}
