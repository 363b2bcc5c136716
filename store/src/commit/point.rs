//! Enforcement points.

use caracal_mandate::name::Name;

use super::{CommitError, identity, invalid, resource, row};
use crate::log::to_json;
use crate::model::{EnforcementPoint, PointRole};
use crate::store::Connection;

pub(super) async fn create(
    connection: &mut Connection,
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
    let sql = "SELECT seq FROM points WHERE zone = $1 AND name = $2";
    let keys = [zone.as_str(), new.name.as_str()];
    row::must_be_new(connection, sql, &keys, "enforcement point").await?;
    for guarded in &new.resources {
        resource::read(connection, zone, guarded).await?;
    }
    identity::claim(connection, zone, "point", &new.name, &new.spiffe_id).await?;
    sqlx::query("INSERT INTO points (zone, name, definition, seq) VALUES ($1, $2, $3, $4)")
        .bind(zone.as_str())
        .bind(new.name.as_str())
        .bind(to_json(new)?)
        .bind(seq)
        .execute(connection)
        .await?;
    Ok(())
}
