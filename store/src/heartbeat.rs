//! Heartbeats of sessions: what keeps a leased one alive.
//!
//! They are not in the log. A mandate of a leased session lives no longer than the lease did when it was
//! issued, so a session that falls silent is over at every enforcement point without anybody telling them.

use std::time::Duration;

use caracal_mandate::name::Name;

use crate::number::{signed, unsigned};
use crate::read::ReadError;
use crate::store::Store;

/// How long a heartbeat may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a heartbeat is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heartbeat {
    /// Unix milliseconds by which the next one has to come.
    pub until_ms: u64,
    /// Position at which the session was declared: the fencing number. Of two executions of a workload the
    /// later has the greater one.
    pub fence: u64,
}

/// Why a heartbeat changes nothing.
#[derive(Debug, thiserror::Error)]
pub enum HeartbeatError {
    /// The zone has no such session.
    #[error("session {0} does not exist")]
    NotFound(String),
    /// It was declared without a lease, or opened by itself.
    #[error("session {0} has no lease: it needs no heartbeat")]
    Unleased(String),
    /// It was ended, by itself or with another one.
    #[error("session {0} has ended: declare another one")]
    Ended(String),
    /// No heartbeat came in time, or its lifetime is over.
    #[error("session {0} has expired: declare another one, with --take-over")]
    Expired(String),
    /// The database does not answer.
    #[error("the authority database could not be written")]
    Database(#[from] sqlx::Error),
    /// No answer in time.
    #[error("the authority database took too long to answer")]
    TimedOut,
}

impl Store {
    /// Renews the lease of a session for as long as its terms say, from `now_ms` on. A lease that has run out
    /// is not renewed: somebody else may have gone on with the work.
    pub async fn heartbeat(
        &self,
        zone: &Name,
        session: &str,
        now_ms: u64,
    ) -> Result<Heartbeat, HeartbeatError> {
        let beat = tokio::time::timeout(PATIENCE, self.renew(zone, session, now_ms));
        beat.await.map_err(|_| HeartbeatError::TimedOut)?
    }

    async fn renew(
        &self,
        zone: &Name,
        session: &str,
        now_ms: u64,
    ) -> Result<Heartbeat, HeartbeatError> {
        let mut connection = self.writer.acquire().await?;
        // Whichever of two clocks is behind takes nothing back.
        let renewed: Option<(i64,)> = sqlx::query_as(
            "UPDATE session_leases SET until_ms = CASE WHEN until_ms > $1 + lease_ms THEN until_ms \
             ELSE $1 + lease_ms END \
             WHERE zone = $2 AND session = $3 AND until_ms > $1 AND ends_ms > $1 \
             AND EXISTS (SELECT 1 FROM sessions WHERE id = session_leases.session AND revoked_seq IS NULL AND ended_seq IS NULL) \
             RETURNING CASE WHEN until_ms > ends_ms THEN ends_ms ELSE until_ms END",
        )
        .bind(signed(now_ms)?)
        .bind(zone.as_str())
        .bind(session.to_owned())
        .fetch_optional(&mut *connection)
        .await?;
        // Why not, if it was not.
        let row: Option<(i64, String)> = sqlx::query_as(
            "SELECT s.seq, CASE WHEN s.revoked_seq IS NOT NULL OR s.ended_seq IS NOT NULL THEN 'ended' \
             WHEN l.session IS NULL THEN 'unleased' ELSE 'expired' END FROM sessions AS s \
             LEFT JOIN session_leases AS l ON l.session = s.id WHERE s.zone = $1 AND s.id = $2",
        )
        .bind(zone.as_str())
        .bind(session.to_owned())
        .fetch_optional(&mut *connection)
        .await?;
        let id = session.to_owned();
        match (renewed, row) {
            (_, None) => Err(HeartbeatError::NotFound(id)),
            (Some((until_ms,)), Some((seq, _))) => Ok(Heartbeat {
                until_ms: unsigned(until_ms)?,
                fence: unsigned(seq)?,
            }),
            (None, Some((_, why))) => Err(match why.as_str() {
                "ended" => HeartbeatError::Ended(id),
                "unleased" => HeartbeatError::Unleased(id),
                _ => HeartbeatError::Expired(id),
            }),
        }
    }

    /// Unix milliseconds at which the lease of a session runs out; `None` where it has none.
    pub async fn session_lease(
        &self,
        zone: &Name,
        session: &str,
    ) -> Result<Option<u64>, ReadError> {
        let row: Option<(i64,)> = self
            .fetch_optional(
                sqlx::query_as(
                    "SELECT until_ms FROM session_leases WHERE zone = $1 AND session = $2",
                )
                .bind(zone.as_str())
                .bind(session.to_owned()),
            )
            .await?;
        Ok(row.map(|(until_ms,)| unsigned(until_ms)).transpose()?)
    }
}
