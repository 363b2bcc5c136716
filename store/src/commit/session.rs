//! Sessions, and the tree that they are.

mod declared;
mod room;

use caracal_mandate::name::Name;

use super::{CommitError, application, identity, invalid, row};
use crate::log::to_json;
use crate::model::{MAX_DELEGATIONS, Session};
use crate::store::Connection;

pub(super) use declared::{declaration, declare};

/// Opens a session at a workload's first exchange.
pub(super) async fn open(
    connection: &mut Connection,
    zone: &Name,
    seq: i64,
    new: &Session,
) -> Result<(), CommitError> {
    if new.terms.is_some() {
        return Err(invalid("a session with terms is declared"));
    }
    declared::stands_in_no_way(connection, zone, new).await?;
    insert(connection, zone, seq, new).await
}

async fn insert(
    connection: &mut Connection,
    zone: &Name,
    seq: i64,
    new: &Session,
) -> Result<(), CommitError> {
    application::is_live(connection, zone, &new.application).await?;
    identity::belongs_to(connection, zone, &new.application, &new.holder).await?;
    let sql = "SELECT seq FROM sessions WHERE id = $1";
    row::must_be_new(connection, sql, &[&new.id], "session").await?;
    if let Some(parent) = &new.parent {
        takes_child(connection, zone, parent).await?;
    }
    sqlx::query(
        "INSERT INTO sessions (id, zone, application, parent, holder, declared, definition, seq) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(&new.id)
    .bind(zone.as_str())
    .bind(new.application.as_str())
    .bind(new.parent.as_deref())
    .bind(new.holder.as_str())
    .bind(i64::from(new.terms.is_some()))
    .bind(to_json(new)?)
    .bind(seq)
    .execute(&mut *connection)
    .await?;
    room::take(connection, zone, seq, new).await
}

/// Ends a session for good. What is below it ends with it and is not touched, so that it does not matter how
/// much that is.
pub(super) async fn end(
    connection: &mut Connection,
    zone: &Name,
    seq: i64,
    id: &str,
) -> Result<(), CommitError> {
    let row: Option<(String, Option<String>, Option<i64>)> = sqlx::query_as(
        "UPDATE sessions SET revoked_seq = $1 WHERE zone = $2 AND id = $3 AND revoked_seq IS NULL \
         RETURNING application, parent, ended_seq",
    )
    .bind(seq)
    .bind(zone.as_str())
    .bind(id.to_owned())
    .fetch_optional(&mut *connection)
    .await?;
    // Whoever ended it before gave back its room.
    let Some((application, parent, swept)) = row else {
        return Ok(());
    };
    let ended = room::Ended {
        application,
        parent,
        swept,
    };
    room::free(connection, zone, &ended).await
}

/// Refuses a session that is not the application's, or has ended.
pub(super) async fn is_open(
    connection: &mut Connection,
    zone: &Name,
    application: &Name,
    id: &str,
) -> Result<(), CommitError> {
    let row: Option<(String, Option<i64>)> =
        sqlx::query_as("SELECT application, revoked_seq FROM sessions WHERE zone = $1 AND id = $2")
            .bind(zone.as_str())
            .bind(id.to_owned())
            .fetch_optional(connection)
            .await?;
    match row {
        None => Err(super::missing("session", id)),
        Some((whose, _)) if whose != application.as_str() => Err(invalid(format!(
            "session {id} is of application {whose}, not of {application}"
        ))),
        Some((_, Some(_))) => Err(invalid(format!("session {id} has ended"))),
        Some((_, None)) => Ok(()),
    }
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
