//! Applications and enforcement points: the parties that have workload identities.

use caracal_mandate::name::Name;
use caracal_mandate::spiffe::SpiffeId;
use sqlx::SqliteConnection;

use super::{CommitError, exists, invalid, missing};
use crate::log::to_json;
use crate::model::{Application, EnforcementPoint, PointRole};

pub(super) async fn create_application(
    connection: &mut SqliteConnection,
    zone: &Name,
    seq: i64,
    new: &Application,
) -> Result<(), CommitError> {
    if new.spiffe_ids.is_empty() {
        return Err(invalid(format!(
            "application {} has no SPIFFE ID",
            new.name
        )));
    }
    let row: Option<(i64,)> =
        sqlx::query_as("SELECT seq FROM applications WHERE zone = $1 AND name = $2")
            .bind(zone.as_str())
            .bind(new.name.as_str())
            .fetch_optional(&mut *connection)
            .await?;
    if row.is_some() {
        return Err(exists("application", &new.name));
    }
    for spiffe_id in &new.spiffe_ids {
        claim(connection, zone, "application", &new.name, spiffe_id).await?;
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

pub(super) async fn create_point(
    connection: &mut SqliteConnection,
    zone: &Name,
    seq: i64,
    new: &EnforcementPoint,
) -> Result<(), CommitError> {
    if new.role == PointRole::Resource && new.resources.is_empty() {
        return Err(invalid(format!(
            "enforcement point {} has the role resource and lists no resource that it guards",
            new.name
        )));
    }
    let row: Option<(i64,)> =
        sqlx::query_as("SELECT seq FROM points WHERE zone = $1 AND name = $2")
            .bind(zone.as_str())
            .bind(new.name.as_str())
            .fetch_optional(&mut *connection)
            .await?;
    if row.is_some() {
        return Err(exists("enforcement point", &new.name));
    }
    for resource in &new.resources {
        super::resource::read(connection, zone, resource).await?;
    }
    claim(connection, zone, "point", &new.name, &new.spiffe_id).await?;
    sqlx::query("INSERT INTO points (zone, name, definition, seq) VALUES ($1, $2, $3, $4)")
        .bind(zone.as_str())
        .bind(new.name.as_str())
        .bind(to_json(new)?)
        .bind(seq)
        .execute(connection)
        .await?;
    Ok(())
}

/// Refuses a holder that is no workload of the application.
pub(super) async fn belongs_to(
    connection: &mut SqliteConnection,
    zone: &Name,
    application: &Name,
    holder: &SpiffeId,
) -> Result<(), CommitError> {
    let row: Option<(String,)> = sqlx::query_as(
        "SELECT name FROM identities \
         WHERE spiffe_id = $1 AND zone = $2 AND kind = 'application' AND name = $3",
    )
    .bind(holder.as_str())
    .bind(zone.as_str())
    .bind(application.as_str())
    .fetch_optional(connection)
    .await?;
    row.map(|_| ()).ok_or_else(|| missing("workload", holder))
}

/// Takes the identity for one party, for good: a revoked party keeps it, so that nobody can come
/// back under the identity of what was revoked.
async fn claim(
    connection: &mut SqliteConnection,
    zone: &Name,
    kind: &'static str,
    name: &Name,
    spiffe_id: &SpiffeId,
) -> Result<(), CommitError> {
    let row: Option<(String,)> = sqlx::query_as("SELECT name FROM identities WHERE spiffe_id = $1")
        .bind(spiffe_id.as_str())
        .fetch_optional(&mut *connection)
        .await?;
    if row.is_some() {
        // Not whose it is: that may be another zone's.
        return Err(exists("SPIFFE ID", spiffe_id));
    }
    sqlx::query("INSERT INTO identities (spiffe_id, zone, kind, name) VALUES ($1, $2, $3, $4)")
        .bind(spiffe_id.as_str())
        .bind(zone.as_str())
        .bind(kind)
        .bind(name.as_str())
        .execute(connection)
        .await?;
    Ok(())
}
