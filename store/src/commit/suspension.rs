//! Suspending and resuming.

use caracal_mandate::name::Name;

use super::{CommitError, invalid, row};
use crate::model::{RevocationTarget, Suspension};
use crate::number::bits;
use crate::store::Connection;

pub(super) async fn suspend(
    connection: &mut Connection,
    zone: &Name,
    seq: i64,
    new: &Suspension,
) -> Result<(), CommitError> {
    is_live(connection, zone, new).await?;
    let target = new.target.to_string();
    let sql = "SELECT seq FROM suspensions WHERE zone = $1 AND target = $2";
    row::must_be_new(connection, sql, &[zone.as_str(), &target], "suspension of").await?;
    sqlx::query("INSERT INTO suspensions (zone, target, hit_id, seq) VALUES ($1, $2, $3, $4)")
        .bind(zone.as_str())
        .bind(target)
        .bind(bits(new.id))
        .bind(seq)
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn resume(
    connection: &mut Connection,
    zone: &Name,
    ended: &Suspension,
) -> Result<(), CommitError> {
    is_right(zone, ended)?;
    let target = ended.target.to_string();
    let sql = "SELECT seq FROM suspensions WHERE zone = $1 AND target = $2";
    row::must_exist(connection, sql, &[zone.as_str(), &target], "suspension of").await?;
    sqlx::query("DELETE FROM suspensions WHERE zone = $1 AND target = $2")
        .bind(zone.as_str())
        .bind(target)
        .execute(connection)
        .await?;
    Ok(())
}

/// Refuses what is not there, and what was revoked: that is more than suspended, and for good.
async fn is_live(
    connection: &mut Connection,
    zone: &Name,
    new: &Suspension,
) -> Result<(), CommitError> {
    is_right(zone, new)?;
    let (kind, sql, id) = match &new.target {
        RevocationTarget::Session(id) => (
            "session",
            "SELECT revoked_seq FROM sessions WHERE zone = $1 AND id = $2",
            id.as_str(),
        ),
        RevocationTarget::Grant(id) => (
            "grant",
            "SELECT revoked_seq FROM grants WHERE zone = $1 AND id = $2",
            id.as_str(),
        ),
        RevocationTarget::Delegation(id) => (
            "delegation",
            "SELECT revoked_seq FROM delegations WHERE zone = $1 AND id = $2",
            id.as_str(),
        ),
        RevocationTarget::Application(name) => (
            "application",
            "SELECT revoked_seq FROM applications WHERE zone = $1 AND name = $2",
            name.as_str(),
        ),
        RevocationTarget::Mandate(_) | RevocationTarget::Resource(_) | RevocationTarget::Zone => {
            return Err(invalid(format!(
                "{} can be revoked and not suspended: use session/ID, application/NAME, grant/ID or delegation/ID",
                new.target
            )));
        }
    };
    let row: Option<(Option<i64>,)> = sqlx::query_as(sql)
        .bind(zone.as_str())
        .bind(id)
        .fetch_optional(connection)
        .await?;
    match row {
        None => Err(super::missing(kind, id)),
        Some((Some(_),)) => Err(invalid(format!("{kind} {id} was revoked, for good"))),
        Some((None,)) => Ok(()),
    }
}

fn is_right(zone: &Name, suspension: &Suspension) -> Result<(), CommitError> {
    let id = suspension.target.revocation_id(zone, None);
    if id.is_some_and(|id| id.0 == suspension.id) {
        Ok(())
    } else {
        Err(invalid(format!(
            "{} has another identifier",
            suspension.target
        )))
    }
}
