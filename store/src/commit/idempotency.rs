//! Idempotency keys: a request that is sent twice changes things once.

use caracal_mandate::name::Name;
use sqlx::SqliteConnection;

use super::{CommitError, Request, invalid};
use crate::digest;
use crate::log::to_json;
use crate::number::unsigned;

/// Longest key in bytes.
const MAX_KEY_BYTES: usize = 255;

/// A key, and the digest of what it was used for.
pub(super) struct Ticket {
    zone: String,
    key: String,
    digest: String,
}

impl Ticket {
    pub(super) fn new(zone: &Name, key: &str, request: &Request<'_>) -> Result<Self, CommitError> {
        let plain = key.bytes().all(|byte| byte.is_ascii_graphic());
        if key.is_empty() || key.len() > MAX_KEY_BYTES || !plain {
            return Err(invalid(format!(
                "an idempotency key has 1 to {MAX_KEY_BYTES} printable ASCII characters and no space"
            )));
        }
        let asked = match request {
            Request::Change(change) => to_json(change)?,
            Request::Key { key, sealed: _ } => to_json(key)?,
            // Not the time: the repeated request comes later.
            Request::Revocation { target, now_s: _ } => format!("revoke {target}"),
        };
        let digest = digest::hex(&[asked.as_bytes()]);
        Ok(Self {
            zone: zone.as_str().to_owned(),
            key: key.to_owned(),
            digest,
        })
    }

    /// The position of the change that the key was used for, if it was this one.
    pub(super) async fn earlier(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<Option<u64>, CommitError> {
        let row: Option<(String, i64)> = sqlx::query_as(
            "SELECT digest, seq FROM idempotency_keys WHERE zone = $1 AND idempotency_key = $2",
        )
        .bind(&self.zone)
        .bind(&self.key)
        .fetch_optional(connection)
        .await?;
        match row {
            None => Ok(None),
            Some((digest, seq)) if digest == self.digest => Ok(Some(unsigned(seq)?)),
            Some(_) => Err(CommitError::IdempotencyConflict),
        }
    }

    pub(super) async fn keep(
        &self,
        connection: &mut SqliteConnection,
        seq: i64,
    ) -> Result<(), CommitError> {
        sqlx::query(
            "INSERT INTO idempotency_keys (zone, idempotency_key, digest, seq) \
             VALUES ($1, $2, $3, $4)",
        )
        .bind(&self.zone)
        .bind(&self.key)
        .bind(&self.digest)
        .bind(seq)
        .execute(connection)
        .await?;
        Ok(())
    }
}
