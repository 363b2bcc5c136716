//! One change, one transaction: the rules, the tables, the log.

mod apply;
mod grant;
mod idempotency;
mod identity;
mod resource;
mod revocation;

use caracal_mandate::name::Name;
use sqlx::{Sqlite, SqliteConnection, Transaction};

use crate::log::to_json;
use crate::model::{Change, RevocationTarget, SigningKey};
use crate::number::{signed, unsigned};
use crate::store::{ReadError, Store};

/// How often a writer asks again while another process holds the write lock.
const MAX_ATTEMPTS: u32 = 3;

/// Where a change stands in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// Position.
    pub seq: u64,
    /// Whether it was committed before, by a call with the same idempotency key.
    pub replayed: bool,
}

/// Why a change was not committed. Nothing of it remains.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The name, id, host or identity is taken.
    #[error("{kind} {name} exists already")]
    AlreadyExists {
        /// What sort of thing.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// The change refers to something that does not exist.
    #[error("{kind} {name} does not exist")]
    NotFound {
        /// What sort of thing.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// The change breaks a rule.
    #[error("{0}")]
    Invalid(String),
    /// The idempotency key was used for another change.
    #[error("the idempotency key was used for another change")]
    IdempotencyConflict,
    /// The database does not answer. Whether the change was committed is unknown when the
    /// connection broke at the end; a retry with the same idempotency key is safe.
    #[error("the authority database could not be written")]
    Database(#[from] sqlx::Error),
}

/// What a caller asks for. A revocation becomes a change only inside the transaction, because the
/// target has to exist there and then.
enum Request<'a> {
    Change(Change),
    Key {
        key: SigningKey,
        sealed: &'a [u8],
    },
    Revocation {
        target: RevocationTarget,
        now_s: u64,
    },
}

impl Store {
    /// Commits a change: tables and log together. With an idempotency key, the same change again
    /// returns the same position, and another change is refused.
    ///
    /// Keys and revocations have calls of their own, [`Self::publish_key`] and [`Self::revoke`].
    pub async fn commit(
        &self,
        zone: &Name,
        change: Change,
        at_ms: u64,
        idempotency: Option<&str>,
    ) -> Result<Committed, CommitError> {
        match change {
            Change::KeyPublished(_) => Err(invalid("a key is published with its private half")),
            Change::Revoked(_) => Err(invalid("a revocation is made from its target")),
            change => {
                self.write(zone, Request::Change(change), at_ms, idempotency)
                    .await
            }
        }
    }

    /// Publishes a signing key. The sealed private half goes to a table that the log never shows.
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

    /// The sealed private half of a key of a zone.
    pub async fn sealed_key(&self, zone: &Name, kid: &str) -> Result<Option<Vec<u8>>, ReadError> {
        let row: Option<(Vec<u8>,)> =
            sqlx::query_as("SELECT sealed FROM signing_keys WHERE zone = $1 AND kid = $2")
                .bind(zone.as_str())
                .bind(kid)
                .fetch_optional(&self.readers)
                .await?;
        Ok(row.map(|(sealed,)| sealed))
    }

    /// Revokes `target`, which must exist; of a mandate that cannot be known, so any id is taken.
    /// Revoking twice is no error: the stricter of both holds.
    pub async fn revoke(
        &self,
        zone: &Name,
        target: RevocationTarget,
        now_s: u64,
        idempotency: Option<&str>,
    ) -> Result<Committed, CommitError> {
        let at_ms = now_s.saturating_mul(1000);
        self.write(
            zone,
            Request::Revocation { target, now_s },
            at_ms,
            idempotency,
        )
        .await
    }

    async fn write(
        &self,
        zone: &Name,
        request: Request<'_>,
        at_ms: u64,
        idempotency: Option<&str>,
    ) -> Result<Committed, CommitError> {
        let mut transaction = self.begin().await?;
        let connection = &mut *transaction;
        let ticket = idempotency.map(|key| idempotency::Ticket::new(zone, key, &request));
        let ticket = ticket.transpose()?;
        if let Some(ticket) = &ticket
            && let Some(seq) = ticket.earlier(connection).await?
        {
            return Ok(Committed {
                seq,
                replayed: true,
            });
        }
        let (change, sealed) = match request {
            Request::Change(change) => (change, None),
            Request::Key { key, sealed } => (Change::KeyPublished(key), Some(sealed)),
            Request::Revocation { target, now_s } => {
                apply::zone_exists(connection, zone).await?;
                (
                    Change::Revoked(revocation::record(connection, zone, target, now_s).await?),
                    None,
                )
            }
        };
        let seq = append(connection, zone, &change, at_ms).await?;
        apply::change(connection, zone, seq, &change, sealed).await?;
        if let Some(ticket) = &ticket {
            ticket.keep(connection, seq).await?;
        }
        transaction.commit().await?;
        let seq = unsigned(seq)?;
        // The writer pool has one connection, but two tasks may get here in either order.
        self.commits.send_if_modified(|seen| {
            let newer = seq > *seen;
            *seen = seq.max(*seen);
            newer
        });
        Ok(Committed {
            seq,
            replayed: false,
        })
    }

    /// Takes the write lock at once: a transaction that reads first and writes later could find its
    /// reading outdated. After this nothing can be busy any more.
    async fn begin(&self) -> Result<Transaction<'static, Sqlite>, sqlx::Error> {
        let mut attempt: u32 = 1;
        loop {
            match self.writer.begin_with("BEGIN IMMEDIATE").await {
                Err(error) if attempt < MAX_ATTEMPTS && is_busy(&error) => {
                    tracing::warn!(attempt, "another process holds the write lock");
                    attempt = attempt.saturating_add(1);
                }
                result => return result,
            }
        }
    }
}

/// Appends the log entry, which every other row of the change refers to. The update of the head
/// orders writers on any database, and a refusal later rolls it back, so positions have no gaps.
async fn append(
    connection: &mut SqliteConnection,
    zone: &Name,
    change: &Change,
    at_ms: u64,
) -> Result<i64, CommitError> {
    let (seq,): (i64,) = sqlx::query_as("UPDATE meta SET head = head + 1 RETURNING head")
        .fetch_one(&mut *connection)
        .await?;
    sqlx::query(
        "INSERT INTO authority_log (seq, zone, at_ms, kind, payload) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(seq)
    .bind(zone.as_str())
    .bind(signed(at_ms)?)
    .bind(change.kind())
    .bind(to_json(change)?)
    .execute(&mut *connection)
    .await?;
    Ok(seq)
}

/// `SQLITE_BUSY` and its extended forms, whose low byte is 5.
fn is_busy(error: &sqlx::Error) -> bool {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    code.and_then(|code| code.parse::<u32>().ok())
        .is_some_and(|code| code & 0xff == 5)
}

fn invalid(text: impl Into<String>) -> CommitError {
    CommitError::Invalid(text.into())
}

fn exists(kind: &'static str, name: &(impl ToString + ?Sized)) -> CommitError {
    CommitError::AlreadyExists {
        kind,
        name: name.to_string(),
    }
}

fn missing(kind: &'static str, name: &(impl ToString + ?Sized)) -> CommitError {
    CommitError::NotFound {
        kind,
        name: name.to_string(),
    }
}
