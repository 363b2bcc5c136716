//! The ids of the emitters' runs, remembered.

use std::collections::HashMap;

use sqlx::AnyConnection;

use crate::record::Series;

/// Ids that are remembered, at a few hundred bytes each. More runs than this are not at work at
/// once; should they be, some are read again.
const REMEMBERED: usize = 4096;

/// Rows of `emitters`, which are made by whoever has the turn. They are never changed and never deleted, so what was committed stays true.
#[derive(Default)]
pub(in crate::ledger::sequencer) struct Emitters {
    committed: HashMap<Series, i64>,
    /// Found or given within the transaction at hand.
    fresh: HashMap<Series, i64>,
}

impl Emitters {
    /// A transaction begins; what the one before found is unproven, unless it was kept.
    pub(super) fn begin(&mut self) {
        self.fresh.clear();
    }

    /// The transaction was committed.
    pub(super) fn keep(&mut self) {
        if self.committed.len().saturating_add(self.fresh.len()) > REMEMBERED {
            self.committed.clear();
        }
        self.committed.extend(self.fresh.drain());
    }

    /// The id of a run; a new one gets its row.
    pub(super) async fn id(
        &mut self,
        connection: &mut AnyConnection,
        series: &Series,
    ) -> Result<i64, sqlx::Error> {
        let known = self.committed.get(series);
        if let Some(id) = known.or_else(|| self.fresh.get(series)) {
            return Ok(*id);
        }
        let id = match find(connection, series).await? {
            Some(id) => id,
            None => insert(connection, series).await?,
        };
        self.fresh.insert(series.clone(), id);
        Ok(id)
    }
}

async fn find(connection: &mut AnyConnection, series: &Series) -> Result<Option<i64>, sqlx::Error> {
    let Series { peer, name, boot } = series;
    sqlx::query_scalar("SELECT id FROM emitters WHERE peer = $1 AND emitter = $2 AND boot = $3")
        .bind(peer.clone())
        .bind(name.clone())
        .bind(boot.clone())
        .fetch_optional(connection)
        .await
}

async fn insert(connection: &mut AnyConnection, series: &Series) -> Result<i64, sqlx::Error> {
    let Series { peer, name, boot } = series;
    sqlx::query_scalar(
        "INSERT INTO emitters (id, peer, emitter, boot) \
         SELECT COALESCE(MAX(id), 0) + 1, $1, $2, $3 FROM emitters RETURNING id",
    )
    .bind(peer.clone())
    .bind(name.clone())
    .bind(boot.clone())
    .fetch_one(connection)
    .await
}
