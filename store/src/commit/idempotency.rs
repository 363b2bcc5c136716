//! Idempotency keys: a request that is sent twice changes things once.

use caracal_mandate::name::Name;

use super::{CommitError, Request, invalid};
use crate::digest;
use crate::log::to_json;
use crate::model::{Change, Credential, Proof, SecretHash, Session};
use crate::number::unsigned;
use crate::store::Connection;

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
            Request::Change(Change::CredentialAdded(new)) => to_json(&asked_for(new))?,
            // Which key is next is not for the caller to say: the repeated request finds another.
            Request::Change(Change::KeyActivated(_)) => "rotate key".to_owned(),
            Request::Change(change) => to_json(change)?,
            Request::Key { key, sealed: _ } => to_json(key)?,
            Request::KeyRevocation { kid } => format!("revoke key {kid}"),
            // Not the time: the repeated request comes later.
            Request::Revocation { target, now_s: _ } => format!("revoke {target}"),
            Request::Declaration {
                session,
                takes_over,
            } => {
                let asked = Session {
                    opened_at: 0,
                    ..session.clone()
                };
                format!("declare, over {takes_over}: {}", to_json(&asked)?)
            }
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
        connection: &mut Connection,
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
        connection: &mut Connection,
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

/// The part of a credential that the caller asked for: the repeated request comes later, and with a
/// secret of its own that nobody will see.
fn asked_for(new: &Credential) -> Credential {
    let mut asked = Credential {
        created_at: 0,
        ..new.clone()
    };
    if let Proof::Secret { sha256 } = &mut asked.proof {
        *sha256 = SecretHash::blank();
    }
    asked
}
