//! The task that asks, and stores what comes of it.

use std::sync::Arc;
use std::time::Duration;

use sqlx::any::AnyRow;
use sqlx::{AnyPool, Row as _};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::history::ZoneHistory;
use super::{PublishRule, WitnessedHandle};
use crate::causes::with_causes;
use crate::ledger::state::{signed, unsigned};
use crate::note::CheckpointVerifier;
use crate::witness::{AskError, Cosigned, HistoryError, WitnessClient};

/// How often witnesses that were too few are asked again, and what other replicas left is looked for.
const RETRY_EVERY: Duration = Duration::from_secs(2);
/// Zones that are asked about at the same time.
const ZONES_AT_ONCE: usize = 16;

pub(super) struct Task {
    pub(super) client: WitnessClient,
    pub(super) rule: PublishRule,
    pub(super) database: AnyPool,
    pub(super) verifier: CheckpointVerifier,
    pub(super) handle: WitnessedHandle,
}

/// A signed checkpoint that too few have cosigned.
struct Pending {
    zone: String,
    size: u64,
    note: String,
}

impl Pending {
    fn read(row: &AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            zone: row.try_get("zone")?,
            size: unsigned(row, "size")?,
            note: row.try_get("note")?,
        })
    }
}

impl Task {
    /// Asks when it is woken and once in a while, and a last time when nobody can wake it any more.
    pub(super) async fn run(self: Arc<Self>, mut woken: mpsc::Receiver<()>) {
        let mut ticks = interval(RETRY_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let goes_on = tokio::select! {
                woken = woken.recv() => woken.is_some(),
                _ = ticks.tick() => true,
            };
            if let Err(error) = Self::round(&self).await {
                tracing::warn!(%error, "witnesses were not asked, will try again");
            }
            if !goes_on {
                return;
            }
        }
    }

    async fn round(this: &Arc<Self>) -> Result<(), sqlx::Error> {
        let pending = this.pending().await?;
        // What another replica settled is no longer short here.
        this.handle.change(|status| {
            let is_pending = |zone: &String| pending.iter().any(|one| one.zone == *zone);
            status.short.retain(|zone, _| is_pending(zone));
        });
        let mut waiting = pending.into_iter();
        let mut asked = JoinSet::new();
        loop {
            while asked.len() < ZONES_AT_ONCE
                && let Some(pending) = waiting.next()
            {
                let this = Arc::clone(this);
                asked.spawn(async move { this.settle(pending).await });
            }
            match asked.join_next().await {
                None => return Ok(()),
                Some(Ok(Ok(()))) => {}
                Some(Ok(Err(error))) => {
                    tracing::warn!(%error, "cosignatures were not stored, will try again");
                }
                Some(Err(error)) => tracing::error!(%error, "a checkpoint was not settled"),
            }
        }
    }

    /// The newest checkpoint of each zone, unless it has its quorum.
    async fn pending(&self) -> Result<Vec<Pending>, sqlx::Error> {
        let rows = sqlx::query(
            "SELECT c.zone, c.size, c.note FROM checkpoints c \
             JOIN log_state s ON s.zone = c.zone AND s.checkpoint_size = c.size \
             WHERE NOT EXISTS (SELECT 1 FROM witnessed w \
             WHERE w.zone = c.zone AND w.size = c.size AND w.quorum = 1) ORDER BY c.zone",
        )
        .fetch_all(&self.database)
        .await?;
        rows.iter().map(Pending::read).collect()
    }

    async fn settle(&self, pending: Pending) -> Result<(), sqlx::Error> {
        let Pending { zone, size, note } = pending;
        let opened = self.verifier.for_zone(&zone).open_checkpoint(&note);
        let checkpoint = match opened {
            Ok(checkpoint) if checkpoint.size == size => checkpoint,
            _ => {
                tracing::error!(
                    zone,
                    size,
                    "a stored checkpoint does not hold; no witness is asked"
                );
                return Ok(());
            }
        };
        let history = ZoneHistory {
            database: self.database.clone(),
            zone: zone.clone(),
            checkpoint: checkpoint.clone(),
        };
        let cosigned = self
            .client
            .cosign(&note, &checkpoint, Arc::new(history))
            .await;
        if cosigned.is_quorum || self.rule == PublishRule::BestEffort {
            sqlx::query(
                "INSERT INTO witnessed (zone, size, quorum, note) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT DO NOTHING",
            )
            .bind(zone.clone())
            .bind(signed(size))
            .bind(i64::from(cosigned.is_quorum))
            .bind(cosigned.note.clone())
            .execute(&self.database)
            .await?;
        }
        // Replicas ask the same witnesses. One that was slower finds that they have gone on, and that
        // is no reason to complain.
        if cosigned.is_quorum || !self.has_quorum(&zone, size).await? {
            self.note(zone, size, &cosigned);
        }
        Ok(())
    }

    async fn has_quorum(&self, zone: &str, size: u64) -> Result<bool, sqlx::Error> {
        let found =
            sqlx::query("SELECT 1 FROM witnessed WHERE zone = $1 AND size = $2 AND quorum = 1")
                .bind(zone.to_owned())
                .bind(signed(size))
                .fetch_optional(&self.database)
                .await?;
        Ok(found.is_some())
    }

    /// Counts, and tells the operator.
    fn note(&self, zone: String, size: u64, cosigned: &Cosigned) {
        let mut missing = Vec::new();
        for (witness, outcome) in &cosigned.outcomes {
            let Err(error) = outcome else {
                continue;
            };
            let said = with_causes(error);
            if is_alarm(error) {
                tracing::error!(
                    zone,
                    size,
                    witness,
                    error = %said,
                    "a witness has seen another history of this log, or a longer one"
                );
            } else {
                tracing::warn!(zone, size, witness, error = %said, "no cosignature");
            }
            missing.push(format!("{witness}: {said}"));
        }
        self.handle.change(|status| {
            if cosigned.is_quorum {
                status.quorums = status.quorums.saturating_add(1);
                status.short.remove(&zone);
            } else {
                status.shortfalls = status.shortfalls.saturating_add(1);
                status.short.insert(zone, missing);
            }
        });
    }
}

/// Whether it speaks of what this log must never have done.
fn is_alarm(error: &AskError) -> bool {
    matches!(
        error,
        AskError::Fork | AskError::Ahead(_) | AskError::History(HistoryError::NotSigned(_))
    )
}
