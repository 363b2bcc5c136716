//! Room for sessions: how many are open in a zone, of an application, and below a session.
//!
//! They are counted in a table, in the transaction that opens or ends one, so that opening costs the same
//! however many there are. Only where a count leaves no room are the open ones looked at: what is below ended
//! sessions is noted as ended then, and the rest is counted anew. So nothing is refused for a count that is
//! too high, such as where a build that kept none has ended sessions since the table was made.

use caracal_mandate::name::Name;

use crate::commit::CommitError;
use crate::model::{MAX_DELEGATIONS, Session};
use crate::store::Connection;

/// Most sessions that one session opens.
const MAX_CHILDREN: i64 = 1000;

/// Most sessions of one application that were not ended.
const MAX_OF_APPLICATION: i64 = 20_000;

/// Most sessions of one zone that were not ended.
const MAX_OF_ZONE: i64 = 50_000;

/// Whose sessions are counted.
#[derive(Debug, Clone, Copy)]
enum Owner<'a> {
    Zone(&'a str),
    Application(&'a str),
    /// The parent: those directly below it.
    Session(&'a str),
}

impl Owner<'_> {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Zone(_) => "zone",
            Self::Application(_) => "application",
            Self::Session(_) => "session",
        }
    }

    fn name(&self) -> String {
        let (Self::Zone(name) | Self::Application(name) | Self::Session(name)) = self;
        (*name).to_owned()
    }

    const fn most(&self) -> i64 {
        match self {
            Self::Zone(_) => MAX_OF_ZONE,
            Self::Application(_) => MAX_OF_APPLICATION,
            Self::Session(_) => MAX_CHILDREN,
        }
    }

    /// Runs a statement about this owner's count: what it is then.
    async fn count(
        &self,
        connection: &mut Connection,
        zone: &Name,
        sql: &'static str,
    ) -> Result<i64, CommitError> {
        let row: Option<(i64,)> = sqlx::query_as(sql)
            .bind(zone.as_str())
            .bind(self.kind())
            .bind(self.name())
            .fetch_optional(connection)
            .await?;
        Ok(row.map_or(0, |(open,)| open))
    }
}

/// Counts a session that was opened, and refuses it where that is one more than may be. Its row is there
/// already, or a new count would miss it.
pub(super) async fn take(
    connection: &mut Connection,
    zone: &Name,
    seq: i64,
    new: &Session,
) -> Result<(), CommitError> {
    let mut owners = vec![
        Owner::Zone(zone.as_str()),
        Owner::Application(new.application.as_str()),
    ];
    owners.extend(new.parent.as_deref().map(Owner::Session));
    let mut is_exceeded = false;
    for owner in &owners {
        let sql = "INSERT INTO session_counts (zone, kind, name, open) VALUES ($1, $2, $3, 1) \
            ON CONFLICT (zone, kind, name) DO UPDATE SET open = session_counts.open + 1 \
            RETURNING open";
        is_exceeded |= owner.count(connection, zone, sql).await? > owner.most();
    }
    if !is_exceeded {
        return Ok(());
    }
    sweep(connection, zone, seq).await?;
    recount(connection, zone, new.parent.as_deref()).await?;
    for owner in &owners {
        let sql = "SELECT open FROM session_counts WHERE zone = $1 AND kind = $2 AND name = $3";
        if owner.count(connection, zone, sql).await? > owner.most() {
            return Err(CommitError::Limit(format!(
                "{} {} has {} open sessions, as many as may be: end some",
                owner.kind(),
                owner.name(),
                owner.most()
            )));
        }
    }
    Ok(())
}

/// A session that was revoked just now.
pub(super) struct Ended {
    pub(super) application: String,
    pub(super) parent: Option<String>,
    /// When a sweep noted that it had ended with one above it. Since then it takes no room of its application
    /// and zone.
    pub(super) swept: Option<i64>,
}

/// Gives back the room of a session that was revoked.
pub(super) async fn free(
    connection: &mut Connection,
    zone: &Name,
    ended: &Ended,
) -> Result<(), CommitError> {
    let mut owners: Vec<_> = ended
        .parent
        .as_deref()
        .map(Owner::Session)
        .into_iter()
        .collect();
    if ended.swept.is_none() {
        owners.extend([
            Owner::Zone(zone.as_str()),
            Owner::Application(&ended.application),
        ]);
    }
    for owner in &owners {
        let sql = "UPDATE session_counts SET open = open - 1 \
            WHERE zone = $1 AND kind = $2 AND name = $3 RETURNING open";
        owner.count(connection, zone, sql).await?;
    }
    Ok(())
}

/// Notes of what is below ended sessions that it has ended as well.
async fn sweep(connection: &mut Connection, zone: &Name, seq: i64) -> Result<(), CommitError> {
    for _ in 0..MAX_DELEGATIONS {
        let level = sqlx::query(
            "UPDATE sessions SET ended_seq = $1 \
             WHERE zone = $2 AND revoked_seq IS NULL AND ended_seq IS NULL AND EXISTS (\
             SELECT 1 FROM sessions AS above WHERE above.id = sessions.parent \
             AND (above.revoked_seq IS NOT NULL OR above.ended_seq IS NOT NULL))",
        )
        .bind(seq)
        .bind(zone.as_str())
        .execute(&mut *connection)
        .await?;
        if level.rows_affected() == 0 {
            return Ok(());
        }
    }
    Ok(())
}

/// Counts the rows: of the zone, of all its applications, because a sweep goes through all of them, and of the
/// parent that is asked for.
async fn recount(
    connection: &mut Connection,
    zone: &Name,
    parent: Option<&str>,
) -> Result<(), CommitError> {
    let of_all = [
        "UPDATE session_counts SET open = (SELECT count(*) FROM sessions AS s \
         WHERE s.zone = session_counts.zone \
         AND s.revoked_seq IS NULL AND s.ended_seq IS NULL) \
         WHERE zone = $1 AND kind = 'zone'",
        "UPDATE session_counts SET open = (SELECT count(*) FROM sessions AS s \
         WHERE s.zone = session_counts.zone AND s.application = session_counts.name \
         AND s.revoked_seq IS NULL AND s.ended_seq IS NULL) \
         WHERE zone = $1 AND kind = 'application'",
    ];
    for sql in of_all {
        let query = sqlx::query(sql).bind(zone.as_str());
        query.execute(&mut *connection).await?;
    }
    if let Some(parent) = parent {
        sqlx::query(
            "UPDATE session_counts SET open = (SELECT count(*) FROM sessions AS s \
             WHERE s.zone = session_counts.zone AND s.parent = session_counts.name \
             AND s.revoked_seq IS NULL) \
             WHERE zone = $1 AND kind = 'session' AND name = $2",
        )
        .bind(zone.as_str())
        .bind(parent.to_owned())
        .execute(connection)
        .await?;
    }
    Ok(())
}
