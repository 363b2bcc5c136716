//! The publisher: signs the state of logs that grew.

use std::collections::HashMap;

use sqlx::{AnyConnection, Row as _};

use super::known::{FollowError, KnownLogs};
use super::state::{self, signed};
use super::storage::Writer;
use super::witnessing::Handoff;
use crate::merkle::Frontier;
use crate::note::{Checkpoint, CheckpointSigner};

/// Signs, and remembers up to where it signed.
pub(super) struct Publisher {
    signer: CheckpointSigner,
    published: HashMap<String, u64>,
    /// Where witnesses are asked.
    witnesses: Option<Handoff>,
}

impl Publisher {
    pub(super) fn new(signer: CheckpointSigner, witnesses: Option<Handoff>) -> Self {
        Self {
            signer,
            published: HashMap::new(),
            witnesses,
        }
    }

    /// Waits until witnesses were asked for the last time.
    pub(super) async fn finish(self) {
        if let Some(witnesses) = self.witnesses {
            witnesses.finish().await;
        }
    }

    /// Publishes every log that grew since its last checkpoint, whoever made it grow.
    pub(super) async fn publish(
        &mut self,
        writer: &Writer,
        connection: &mut AnyConnection,
        known: &mut KnownLogs,
    ) -> Result<(), FollowError> {
        let grown = sqlx::query("SELECT zone FROM log_state WHERE size > checkpoint_size")
            .fetch_all(&mut *connection)
            .await?;
        for row in grown {
            let zone: String = row.try_get("zone")?;
            let mut transaction = writer.begin(connection).await?;
            let (frontier, signed) = self.publish_one(&mut transaction, &zone, known).await?;
            transaction.commit().await?;
            self.published.insert(zone.clone(), signed);
            known.commit(zone, frontier);
            if let Some(witnesses) = &self.witnesses {
                witnesses.wake();
            }
        }
        Ok(())
    }

    /// The log as it is, and up to where it is signed now.
    async fn publish_one(
        &self,
        connection: &mut AnyConnection,
        zone: &str,
        known: &KnownLogs,
    ) -> Result<(Frontier, u64), FollowError> {
        let fenced = || FollowError::Fenced(zone.to_owned());
        let state = state::read(connection, zone).await?.ok_or_else(fenced)?;
        let frontier = known.follow(connection, &state).await?;
        let before = self.published.get(zone).copied().unwrap_or(0);
        // Signing on from a mark that was put back could sign two histories of one log.
        if state.checkpoint_size < before || state.checkpoint_size > frontier.size() {
            return Err(fenced());
        }
        // Another replica was faster.
        if state.checkpoint_size == frontier.size() {
            return Ok((frontier, state.checkpoint_size));
        }
        // One at a time: a signature that witnesses have not settled is not followed by another.
        if let Some(witnesses) = &self.witnesses
            && !witnesses.has_settled(connection, &state).await?
        {
            return Ok((frontier, state.checkpoint_size));
        }
        // One row is compared and swapped for every signature that leaves this place.
        let swapped = sqlx::query(
            "UPDATE log_state SET checkpoint_size = $1 \
             WHERE zone = $2 AND size = $1 AND checkpoint_size = $3",
        )
        .bind(signed(frontier.size()))
        .bind(zone.to_owned())
        .bind(signed(state.checkpoint_size))
        .execute(&mut *connection)
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
        .bind(zone.to_owned())
        .bind(signed(size))
        .bind(self.signer.sign(&Checkpoint { origin, size, root }))
        .bind(frontier.to_bytes())
        .bind(signed(state.checkpoint_size))
        .execute(&mut *connection)
        .await?;
        Ok((frontier, size))
    }
}
