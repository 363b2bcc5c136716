//! One change, one transaction: the rules, the tables, the log.

mod application;
mod apply;
mod credential;
mod delegation;
mod grant;
mod idempotency;
mod identity;
mod issuer;
mod key;
mod point;
mod resource;
mod revocation;
mod row;
mod session;
mod suspension;

use std::time::Duration;

use caracal_mandate::name::Name;
use sqlx::{Any, Connection as _, Transaction};
use tokio::time::{Instant, timeout};

use crate::log::to_json;
use crate::model::{Change, RevocationTarget, Session, SigningKey};
use crate::number::{signed, unsigned};
use crate::store::{Connection, Dialect, Store};

pub use key::KeyRefusal;

/// How long a commit may take, waiting for other writers included.
const PATIENCE: Duration = Duration::from_secs(10);

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
    /// The workload is in a session, and is in one at a time.
    #[error("the workload is in session {0}")]
    InSession(String),
    /// The change breaks a rule.
    #[error("{0}")]
    Invalid(String),
    /// There are as many as may be.
    #[error("{0}")]
    Limit(String),
    /// A key does not take this step of its life, or not yet.
    #[error(transparent)]
    Key(#[from] KeyRefusal),
    /// The idempotency key was used for another change.
    #[error("the idempotency key was used for another change")]
    IdempotencyConflict,
    /// The database does not answer. Whether the change was committed is unknown when the
    /// connection broke at the end; a retry with the same idempotency key is safe.
    #[error("the authority database could not be written")]
    Database(#[from] sqlx::Error),
    /// No answer in time. Whether the change was committed is unknown; a retry with the same
    /// idempotency key is safe.
    #[error("the authority database took too long to answer")]
    TimedOut,
    /// The log is another one than when this process started: a backup was put back, or another
    /// server took over. Nothing may be written on what was known before.
    #[error("the authority log was replaced since this process started: restart it")]
    Replaced,
}

/// What a caller asks for. A revocation becomes a change only inside the transaction, because the
/// target has to exist there and then.
pub(crate) enum Request<'a> {
    Change(Change),
    Key {
        key: SigningKey,
        sealed: &'a [u8],
    },
    KeyRevocation {
        kid: String,
    },
    Revocation {
        target: RevocationTarget,
        now_s: u64,
    },
    Declaration {
        session: Session,
        takes_over: bool,
    },
}

impl Store {
    /// Commits a change: tables and log together. With an idempotency key, the same change again
    /// returns the same position, and another change is refused.
    ///
    /// Keys and revocations have calls of their own, such as [`Self::publish_key`] and
    /// [`Self::revoke`].
    pub async fn commit(
        &self,
        zone: &Name,
        change: Change,
        at_ms: u64,
        idempotency: Option<&str>,
    ) -> Result<Committed, CommitError> {
        match change {
            Change::KeyPublished(_) => Err(invalid("a key is published with its private half")),
            Change::KeyActivated(_) | Change::KeyDropped(_) | Change::KeyRevoked(_) => {
                Err(invalid("the steps of a key have calls of their own"))
            }
            Change::Revoked(_) => Err(invalid("a revocation is made from its target")),
            Change::SessionDeclared(_) => Err(invalid("what ends for a session is found here")),
            change => {
                self.write(zone, Request::Change(change), at_ms, idempotency)
                    .await
            }
        }
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

    /// Declares a session. Where the workload is in one already, that one ends for it, in the same
    /// transaction, or nothing is declared.
    pub async fn declare_session(
        &self,
        zone: &Name,
        session: Session,
        takes_over: bool,
        at_ms: u64,
        idempotency: Option<&str>,
    ) -> Result<Committed, CommitError> {
        let request = Request::Declaration {
            session,
            takes_over,
        };
        self.write(zone, request, at_ms, idempotency).await
    }

    pub(crate) async fn write(
        &self,
        zone: &Name,
        request: Request<'_>,
        at_ms: u64,
        idempotency: Option<&str>,
    ) -> Result<Committed, CommitError> {
        let ticket = idempotency.map(|key| idempotency::Ticket::new(zone, key, &request));
        let ticket = ticket.transpose()?;
        let mut connection = self.writer.acquire().await?;
        let attempt = self.attempt(&mut connection, zone, request, at_ms, ticket);
        let Ok(result) = timeout(PATIENCE, attempt).await else {
            // What it is in the middle of is nobody's business any more.
            connection.close_on_drop();
            return Err(CommitError::TimedOut);
        };
        // A database may have ended the transaction by itself, as SQLite does when the disk is full, and
        // the driver goes on counting it: nothing could begin on this connection any more.
        if let Err(CommitError::Database(_)) = &result {
            connection.close_on_drop();
        }
        let committed = result?;
        // The writer pool has one connection, but two tasks may get here in either order.
        self.commits.send_if_modified(|seen| {
            let newer = committed.seq > *seen;
            *seen = committed.seq.max(*seen);
            newer
        });
        Ok(committed)
    }

    async fn attempt(
        &self,
        connection: &mut Connection,
        zone: &Name,
        request: Request<'_>,
        at_ms: u64,
        ticket: Option<idempotency::Ticket>,
    ) -> Result<Committed, CommitError> {
        let mut transaction = self.begin(connection).await?;
        let done = self
            .inside(&mut transaction, zone, request, at_ms, ticket)
            .await;
        match done {
            Ok(done) if !done.replayed => {
                let began = Instant::now();
                transaction.commit().await?;
                self.moments.note(done.seq, began);
            }
            // Said here rather than left to the drop: others wait for the head.
            Ok(_) => transaction.rollback().await?,
            Err(error) => {
                if let Err(error) = transaction.rollback().await {
                    tracing::warn!(%error, "a refused change could not be rolled back");
                }
                return Err(error);
            }
        }
        done
    }

    async fn inside(
        &self,
        connection: &mut Connection,
        zone: &Name,
        request: Request<'_>,
        at_ms: u64,
        ticket: Option<idempotency::Ticket>,
    ) -> Result<Committed, CommitError> {
        let seq = self.next(connection).await?;
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
            Request::KeyRevocation { kid } => {
                apply::zone_exists(connection, zone).await?;
                let revoked = key::revocation(connection, zone, at_ms, kid).await?;
                (Change::KeyRevoked(revoked), None)
            }
            Request::Revocation { target, now_s } => {
                apply::zone_exists(connection, zone).await?;
                let record = revocation::record(connection, zone, target, now_s).await?;
                (Change::Revoked(record), None)
            }
            Request::Declaration {
                session,
                takes_over,
            } => {
                apply::zone_exists(connection, zone).await?;
                let declared =
                    session::declaration(connection, zone, at_ms, session, takes_over).await?;
                (Change::SessionDeclared(declared), None)
            }
        };
        append(connection, zone, seq, &change, at_ms).await?;
        apply::change(connection, zone, (seq, at_ms), &change, sealed).await?;
        if let Some(ticket) = &ticket {
            ticket.keep(connection, seq).await?;
        }
        Ok(Committed {
            seq: unsigned(seq)?,
            replayed: false,
        })
    }

    /// Takes the write lock of a file at once: a transaction that reads first and writes later
    /// could find its reading outdated. After this nothing can be busy any more.
    async fn begin<'c>(
        &self,
        connection: &'c mut Connection,
    ) -> Result<Transaction<'c, Any>, sqlx::Error> {
        match self.dialect {
            Dialect::Sqlite => connection.begin_with("BEGIN IMMEDIATE").await,
            Dialect::Postgres => connection.begin().await,
        }
    }

    /// The next position. It comes before everything that is read: this update waits for whoever
    /// else has taken a position and not yet committed, in this process or another, so that
    /// positions are committed in their order, every rule is checked against all that was committed
    /// before, and a refusal, which rolls it back, leaves no gap.
    async fn next(&self, connection: &mut Connection) -> Result<i64, CommitError> {
        let row: Option<(i64,)> =
            sqlx::query_as("UPDATE meta SET head = head + 1 WHERE term = $1 RETURNING head")
                .bind(signed(self.term)?)
                .fetch_optional(connection)
                .await?;
        row.map(|(seq,)| seq).ok_or(CommitError::Replaced)
    }
}

/// Appends the log entry, which every other row of the change refers to.
async fn append(
    connection: &mut Connection,
    zone: &Name,
    seq: i64,
    change: &Change,
    at_ms: u64,
) -> Result<(), CommitError> {
    sqlx::query(
        "INSERT INTO authority_log (seq, zone, at_ms, kind, payload) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(seq)
    .bind(zone.as_str())
    .bind(signed(at_ms)?)
    .bind(change.kind())
    .bind(to_json(change)?)
    .execute(connection)
    .await?;
    Ok(())
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
