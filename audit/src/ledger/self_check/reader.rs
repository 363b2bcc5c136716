//! The check's own way into the database.

mod fault;
mod row;

use caracal_store::{Connector, DatabaseUrl, OpenError};
use sqlx::{AnyConnection, Connection as _};
use tokio_stream::StreamExt as _;

use super::super::state::{StateRow, signed};
use crate::verify::entry::Entry;
use crate::verify::zone::checkpoints::StoredCheckpoint;
pub(super) use fault::Fault;

/// Reads with a connection of its own.
pub(super) struct Reader {
    place: DatabaseUrl,
    connector: Connector,
    held: Option<AnyConnection>,
}

/// What is at both ends of a log, by the indexes of the database.
pub(super) struct Bounds {
    pub(super) first: Option<i64>,
    pub(super) last: Option<i64>,
    /// Size of the newest checkpoint.
    pub(super) checkpoint: Option<i64>,
}

impl Reader {
    pub(super) fn new(place: &DatabaseUrl) -> Result<Self, OpenError> {
        Ok(Self {
            place: place.clone(),
            connector: Connector::new(place)?,
            held: None,
        })
    }

    /// Connects. A file is opened anew each time: whoever has it open goes on with it after another one
    /// took its name, and sees pages that it remembers.
    pub(super) async fn begin(&mut self) -> Result<(), Fault> {
        if let DatabaseUrl::Sqlite(path) = &self.place {
            self.held = None;
            if matches!(tokio::fs::try_exists(path).await, Ok(false)) {
                let path = path.display();
                return Err(Fault::Damaged(format!("the file {path} is gone")));
            }
        }
        if self.held.is_none() {
            self.held = Some(self.connector.first().await?);
        }
        Ok(())
    }

    /// Gives the file back. A connection to a server stays.
    pub(super) async fn end(&mut self) {
        if matches!(self.place, DatabaseUrl::Sqlite(_)) {
            self.close().await;
        }
    }

    /// Gives the connection back.
    pub(super) async fn close(&mut self) {
        if let Some(connection) = self.held.take()
            && let Err(error) = connection.close().await
        {
            tracing::debug!(%error, "a connection did not end well");
        }
    }

    /// Forgets the connection, whatever it was doing.
    pub(super) fn give_up(&mut self) {
        self.held = None;
    }

    fn connection(&mut self) -> Result<&mut AnyConnection, Fault> {
        let lost = || Fault::Away("there is no connection".to_owned());
        self.held.as_mut().ok_or_else(lost)
    }

    /// What each log says of itself; nothing where that is not readable.
    pub(super) async fn states(&mut self) -> Result<Vec<(String, Option<StateRow>)>, Fault> {
        let rows = sqlx::query("SELECT zone, size, frontier, root, checkpoint_size FROM log_state")
            .fetch_all(self.connection()?)
            .await?;
        let state = |row| {
            let zone = row::text(row, "zone")?;
            Some((zone, StateRow::read(row).ok()))
        };
        Ok(rows.iter().filter_map(state).collect())
    }

    /// The same of one log.
    pub(super) async fn state(&mut self, zone: &str) -> Result<Option<StateRow>, Fault> {
        Ok(super::super::state::read(self.connection()?, zone).await?)
    }

    pub(super) async fn bounds(&mut self, zone: &str) -> Result<Bounds, Fault> {
        let row = sqlx::query(
            "SELECT (SELECT MIN(idx) FROM log_entries WHERE zone = $1) AS first_idx, \
             (SELECT MAX(idx) FROM log_entries WHERE zone = $1) AS last_idx, \
             (SELECT MAX(size) FROM checkpoints WHERE zone = $1) AS newest",
        )
        .bind(zone.to_owned())
        .fetch_one(self.connection()?)
        .await?;
        Ok(Bounds {
            first: row::integer(&row, "first_idx"),
            last: row::integer(&row, "last_idx"),
            checkpoint: row::integer(&row, "newest"),
        })
    }

    /// Size of the newest checkpoint for no more than `size` entries; 0 without one.
    pub(super) async fn checkpoint_before(&mut self, zone: &str, size: u64) -> Result<u64, Fault> {
        let found: Option<i64> =
            sqlx::query_scalar("SELECT MAX(size) FROM checkpoints WHERE zone = $1 AND size <= $2")
                .bind(zone.to_owned())
                .bind(signed(size))
                .fetch_one(self.connection()?)
                .await?;
        Ok(found.and_then(|size| size.try_into().ok()).unwrap_or(0))
    }

    /// Checkpoints for more than `after` entries and no more than `end`, by size.
    pub(super) async fn checkpoints(
        &mut self,
        zone: &str,
        after: u64,
        end: u64,
        most: u32,
    ) -> Result<Vec<StoredCheckpoint>, Fault> {
        let rows = sqlx::query(
            "SELECT size, previous_size, note, frontier FROM checkpoints \
             WHERE zone = $1 AND size > $2 AND size <= $3 ORDER BY size LIMIT $4",
        )
        .bind(zone.to_owned())
        .bind(signed(after))
        .bind(signed(end))
        .bind(i64::from(most))
        .fetch_all(self.connection()?)
        .await?;
        Ok(rows.iter().map(row::checkpoint).collect())
    }

    /// The index of the first entry from `first` on.
    pub(super) async fn next(&mut self, zone: &str, first: u64) -> Result<Option<u64>, Fault> {
        let found: Option<i64> =
            sqlx::query_scalar("SELECT MIN(idx) FROM log_entries WHERE zone = $1 AND idx >= $2")
                .bind(zone.to_owned())
                .bind(signed(first))
                .fetch_one(self.connection()?)
                .await?;
        Ok(found.and_then(|index| index.try_into().ok()))
    }

    /// Hands over the entries from `first` up to `end`, those that are there, and returns how many.
    pub(super) async fn entries(
        &mut self,
        zone: &str,
        first: u64,
        end: u64,
        mut take: impl FnMut(Entry),
    ) -> Result<u64, Fault> {
        let mut rows = sqlx::query(
            "SELECT one.idx, seq, recorded_ms, request_id, request_key, mandate, mandate_key, \
             application, resource, outcome, reason, leaf_hash, body, peer, emitter, boot \
             FROM log_entries AS one LEFT JOIN emitters ON emitters.id = one.emitter_id \
             WHERE zone = $1 AND idx >= $2 AND idx < $3 ORDER BY idx",
        )
        .bind(zone.to_owned())
        .bind(signed(first))
        .bind(signed(end))
        .fetch(self.connection()?);
        let mut taken: u64 = 0;
        while let Some(row) = rows.next().await {
            take(row::entry(&row?, zone));
            taken = taken.saturating_add(1);
        }
        Ok(taken)
    }
}
