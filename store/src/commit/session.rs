//! Sessions, and the tree that they are.

use caracal_mandate::name::Name;

use super::{CommitError, application, identity, invalid, row};
use crate::log::to_json;
use crate::model::{MAX_DELEGATIONS, Session};
use crate::store::Connection;

/// Most sessions that one session opens.
const MAX_CHILDREN: i64 = 1000;

/// Most sessions of one application that were not ended.
const MAX_OF_APPLICATION: i64 = 20_000;

/// Most sessions of one zone that were not ended.
const MAX_OF_ZONE: i64 = 50_000;

pub(super) async fn open(
    connection: &mut Connection,
    zone: &Name,
    seq: i64,
    new: &Session,
) -> Result<(), CommitError> {
    application::is_live(connection, zone, &new.application).await?;
    identity::belongs_to(connection, zone, &new.application, &new.holder).await?;
    let sql = "SELECT seq FROM sessions WHERE id = $1";
    row::must_be_new(connection, sql, &[&new.id], "session").await?;
    has_room(connection, zone, seq, new).await?;
    if let Some(parent) = &new.parent {
        takes_child(connection, zone, parent).await?;
    }
    sqlx::query(
        "INSERT INTO sessions (id, zone, application, parent, definition, seq) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(&new.id)
    .bind(zone.as_str())
    .bind(new.application.as_str())
    .bind(new.parent.as_deref())
    .bind(to_json(new)?)
    .bind(seq)
    .execute(connection)
    .await?;
    Ok(())
}

/// How many sessions there may be of something.
struct Limit<'a> {
    whose: String,
    most: i64,
    /// Finds the last one that there is room for, by key, number and zone.
    sql: &'static str,
    key: &'a str,
}

/// Refuses what would be one too many. What is below ended sessions counts until somebody needs the room.
async fn has_room(
    connection: &mut Connection,
    zone: &Name,
    seq: i64,
    new: &Session,
) -> Result<(), CommitError> {
    let mut limits = vec![
        Limit {
            whose: format!("zone {zone}"),
            most: MAX_OF_ZONE,
            sql: "SELECT seq FROM sessions WHERE zone = $1 AND zone = $3 \
                AND revoked_seq IS NULL AND ended_seq IS NULL LIMIT 1 OFFSET $2",
            key: zone.as_str(),
        },
        Limit {
            whose: format!("application {}", new.application),
            most: MAX_OF_APPLICATION,
            sql: "SELECT seq FROM sessions WHERE application = $1 AND zone = $3 \
                AND revoked_seq IS NULL AND ended_seq IS NULL LIMIT 1 OFFSET $2",
            key: new.application.as_str(),
        },
    ];
    if let Some(parent) = &new.parent {
        limits.push(Limit {
            whose: format!("session {parent}"),
            most: MAX_CHILDREN,
            sql: "SELECT seq FROM sessions WHERE parent = $1 AND zone = $3 \
                AND revoked_seq IS NULL LIMIT 1 OFFSET $2",
            key: parent,
        });
    }
    for limit in &limits {
        if !limit.is_reached(connection, zone).await? {
            continue;
        }
        sweep(connection, zone, seq).await?;
        if limit.is_reached(connection, zone).await? {
            let Limit { whose, most, .. } = limit;
            return Err(CommitError::Limit(format!(
                "{whose} has {most} open sessions, as many as may be: end some"
            )));
        }
    }
    Ok(())
}

impl Limit<'_> {
    async fn is_reached(
        &self,
        connection: &mut Connection,
        zone: &Name,
    ) -> Result<bool, CommitError> {
        let last = sqlx::query(self.sql)
            .bind(self.key.to_owned())
            .bind(self.most.saturating_sub(1))
            .bind(zone.as_str());
        Ok(last.fetch_optional(connection).await?.is_some())
    }
}

/// Notes of what is below ended sessions that it has ended as well.
async fn sweep(connection: &mut Connection, zone: &Name, seq: i64) -> Result<(), CommitError> {
    for _ in 0..MAX_DELEGATIONS {
        let level = sqlx::query(
            "UPDATE sessions SET ended_seq = $1 \
             WHERE zone = $2 AND revoked_seq IS NULL AND ended_seq IS NULL AND parent IN (\
             SELECT id FROM sessions WHERE zone = $2 \
             AND (revoked_seq IS NOT NULL OR ended_seq IS NOT NULL))",
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

/// Refuses a parent that has ended, by itself or with one of its own parents, and one that is as deep as
/// a chain of delegations goes.
async fn takes_child(
    connection: &mut Connection,
    zone: &Name,
    parent: &str,
) -> Result<(), CommitError> {
    let mut above = Some(parent.to_owned());
    for _ in 0..MAX_DELEGATIONS {
        let Some(session) = above else {
            return Ok(());
        };
        let row: Option<(Option<String>, Option<i64>)> =
            sqlx::query_as("SELECT parent, revoked_seq FROM sessions WHERE zone = $1 AND id = $2")
                .bind(zone.as_str())
                .bind(&session)
                .fetch_optional(&mut *connection)
                .await?;
        let Some((next, revoked)) = row else {
            return Err(super::missing("session", &session));
        };
        if revoked.is_some() {
            return Err(invalid(format!(
                "session {session} has ended, and all below it"
            )));
        }
        above = next;
    }
    match above {
        None => Ok(()),
        Some(_) => Err(CommitError::Limit(format!(
            "session {parent} is {MAX_DELEGATIONS} below its root, as deep as may be"
        ))),
    }
}
