//! Applications.

use caracal_mandate::name::Name;

use super::{CommitError, identity, invalid, missing, row};
use crate::log::to_json;
use crate::model::Application;
use crate::store::Connection;

pub(super) async fn create(
    connection: &mut Connection,
    zone: &Name,
    seq: i64,
    new: &Application,
) -> Result<(), CommitError> {
    let sql = "SELECT seq FROM applications WHERE zone = $1 AND name = $2";
    let keys = [zone.as_str(), new.name.as_str()];
    row::must_be_new(connection, sql, &keys, "application").await?;
    for spiffe_id in &new.spiffe_ids {
        identity::claim(connection, zone, "application", &new.name, spiffe_id).await?;
    }
    sqlx::query("INSERT INTO applications (zone, name, definition, seq) VALUES ($1, $2, $3, $4)")
        .bind(zone.as_str())
        .bind(new.name.as_str())
        .bind(to_json(new)?)
        .bind(seq)
        .execute(connection)
        .await?;
    Ok(())
}

/// Refuses an application that does not exist or was revoked.
pub(super) async fn is_live(
    connection: &mut Connection,
    zone: &Name,
    application: &Name,
) -> Result<(), CommitError> {
    let row: Option<(Option<i64>,)> =
        sqlx::query_as("SELECT revoked_seq FROM applications WHERE zone = $1 AND name = $2")
            .bind(zone.as_str())
            .bind(application.as_str())
            .fetch_optional(connection)
            .await?;
    match row {
        None => Err(missing("application", application)),
        Some((Some(_),)) => Err(invalid(format!("application {application} was revoked"))),
        Some((None,)) => Ok(()),
    }
}
