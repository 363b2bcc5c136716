//! The keys of a zone: their steps, what the tables say of them, and their sealed private halves.

use std::time::Duration;

use caracal_mandate::name::Name;
use sqlx::Error;

use crate::commit::{CommitError, Committed, Request};
use crate::model::{Change, KeyActivation, KeyRecord, SigningKey};
use crate::number::{signed, unsigned};
use crate::read::ReadError;
use crate::store::Store;

/// How long re-sealing one key may take.
const PATIENCE: Duration = Duration::from_secs(10);

type Columns = (String, String, i64, i64, i64, i64, i64);

impl Store {
    /// Publishes the zone's next key, of which there is one at a time. It verifies from now on and
    /// does not sign. The sealed private half goes to a table that the log never shows.
    pub async fn publish_key(
        &self,
        zone: &Name,
        key: SigningKey,
        sealed: &[u8],
        at_ms: u64,
    ) -> Result<Committed, CommitError> {
        self.write(zone, Request::Key { key, sealed }, at_ms, None)
            .await
    }

    /// Lets a published key take over from `replaces`, which has to be the one that signs. Refused
    /// until the key is settled, unless nothing signs.
    pub async fn activate_key(
        &self,
        zone: &Name,
        activation: KeyActivation,
        at_ms: u64,
        idempotency: Option<&str>,
    ) -> Result<Committed, CommitError> {
        let change = Change::KeyActivated(activation);
        self.write(zone, Request::Change(change), at_ms, idempotency)
            .await
    }

    /// Drops a retired key. Refused while something that it signed can be alive.
    pub async fn drop_key(
        &self,
        zone: &Name,
        kid: &str,
        at_ms: u64,
    ) -> Result<Committed, CommitError> {
        let change = Change::KeyDropped(kid.to_owned());
        self.write(zone, Request::Change(change), at_ms, None).await
    }

    /// Revokes a key and every mandate of the zone that was issued until now. If it signed, the
    /// published key takes over in the same moment; without one nothing signs.
    pub async fn revoke_key(
        &self,
        zone: &Name,
        kid: &str,
        at_ms: u64,
        idempotency: Option<&str>,
    ) -> Result<Committed, CommitError> {
        let kid = kid.to_owned();
        self.write(zone, Request::KeyRevocation { kid }, at_ms, idempotency)
            .await
    }

    /// Every key that the zone ever had, newest first.
    pub async fn keys(&self, zone: &Name) -> Result<Vec<KeyRecord>, ReadError> {
        let rows: Vec<Columns> = self
            .fetch_all(
                sqlx::query_as(
                    "SELECT kid, state, published_ms, COALESCE(activated_ms, -1), \
                     COALESCE(retired_ms, -1), COALESCE(ended_ms, -1), seq \
                     FROM signing_keys WHERE zone = $1 ORDER BY seq DESC",
                )
                .bind(zone.as_str()),
            )
            .await?;
        let records = rows.into_iter().map(record);
        Ok(records.collect::<Result<_, Error>>()?)
    }

    /// The sealed private half of a key of a zone; `None` when there is no such key or it has ended.
    pub async fn sealed_key(&self, zone: &Name, kid: &str) -> Result<Option<Vec<u8>>, ReadError> {
        let query = sqlx::query_as("SELECT sealed FROM signing_keys WHERE zone = $1 AND kid = $2");
        let row: Option<(Vec<u8>,)> = self
            .fetch_optional(query.bind(zone.as_str()).bind(kid))
            .await?;
        Ok(row.map(|(sealed,)| sealed).filter(|it| !it.is_empty()))
    }

    /// Puts another seal on a private half, unless the key or its seal changed meanwhile. No change
    /// of authority: the log does not hear of it. Returns whether it was done.
    pub async fn reseal_key(
        &self,
        zone: &Name,
        kid: &str,
        from: &[u8],
        to: &[u8],
    ) -> Result<bool, CommitError> {
        let mut connection = self.writer.acquire().await?;
        let update = sqlx::query(
            "UPDATE signing_keys SET sealed = $1 WHERE zone = $2 AND kid = $3 AND sealed = $4 \
             AND (SELECT term FROM meta) = $5",
        )
        .bind(to)
        .bind(zone.as_str())
        .bind(kid)
        .bind(from)
        .bind(signed(self.term())?);
        let Ok(done) = tokio::time::timeout(PATIENCE, update.execute(&mut *connection)).await
        else {
            connection.close_on_drop();
            return Err(CommitError::TimedOut);
        };
        Ok(done?.rows_affected() > 0)
    }
}

fn record(columns: Columns) -> Result<KeyRecord, Error> {
    let (kid, state, published_ms, activated_ms, retired_ms, ended_ms, seq) = columns;
    // What is not there yet comes as -1: the driver for both databases has no type for a NULL that
    // it sees first.
    let moment = |ms: i64| u64::try_from(ms).ok();
    Ok(KeyRecord {
        kid,
        state: state
            .parse()
            .map_err(|error| Error::Decode(Box::new(error)))?,
        published_ms: unsigned(published_ms)?,
        activated_ms: moment(activated_ms),
        retired_ms: moment(retired_ms),
        ended_ms: moment(ended_ms),
        seq: unsigned(seq)?,
    })
}
