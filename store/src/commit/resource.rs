//! Resources: one host and one identifier name one resource of the zone.

use caracal_mandate::catalog::Resource;
use caracal_mandate::name::Name;

use super::{CommitError, application, exists, invalid, missing, row};
use crate::log::{json, to_json};
use crate::store::Connection;

/// The resource with a name.
pub(super) async fn read(
    connection: &mut Connection,
    zone: &Name,
    name: &Name,
) -> Result<Resource, CommitError> {
    let row: Option<(String,)> =
        sqlx::query_as("SELECT definition FROM resources WHERE zone = $1 AND name = $2")
            .bind(zone.as_str())
            .bind(name.as_str())
            .fetch_optional(connection)
            .await?;
    let (definition,) = row.ok_or_else(|| missing("resource", name))?;
    Ok(json(&definition)?)
}

pub(super) async fn put(
    connection: &mut Connection,
    zone: &Name,
    seq: i64,
    new: &Resource,
) -> Result<(), CommitError> {
    new.validate().map_err(|error| invalid(error.to_string()))?;
    identifier_is_free(connection, zone, new).await?;
    if let Some(name) = &new.application {
        application::is_live(connection, zone, name).await?;
    }
    sqlx::query(
        "INSERT INTO resources (zone, name, uri, definition, seq) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (zone, name) DO UPDATE \
         SET definition = excluded.definition, seq = excluded.seq",
    )
    .bind(zone.as_str())
    .bind(new.name.as_str())
    .bind(new.uri.as_str())
    .bind(to_json(new)?)
    .bind(seq)
    .execute(&mut *connection)
    .await?;
    replace_hosts(connection, zone, new).await
}

/// The identifier is what mandates name: shared by two resources, or handed from one to another, it
/// would make mandates for the one good at the other.
async fn identifier_is_free(
    connection: &mut Connection,
    zone: &Name,
    new: &Resource,
) -> Result<(), CommitError> {
    let rows: Vec<(String, String)> = sqlx::query_as(
        "SELECT name, uri FROM resources WHERE zone = $1 AND (uri = $2 OR name = $3)",
    )
    .bind(zone.as_str())
    .bind(new.uri.as_str())
    .bind(new.name.as_str())
    .fetch_all(connection)
    .await?;
    for (name, uri) in rows {
        if name != new.name.as_str() {
            return Err(exists("resource identifier", &new.uri));
        }
        if uri != new.uri.as_str() {
            return Err(invalid(format!(
                "resource {name} has the identifier {uri}, which cannot change; make another resource"
            )));
        }
    }
    Ok(())
}

async fn replace_hosts(
    connection: &mut Connection,
    zone: &Name,
    new: &Resource,
) -> Result<(), CommitError> {
    sqlx::query("DELETE FROM resource_hosts WHERE zone = $1 AND resource = $2")
        .bind(zone.as_str())
        .bind(new.name.as_str())
        .execute(&mut *connection)
        .await?;
    for host in &new.hosts {
        let sql = "SELECT 1 FROM resource_hosts WHERE zone = $1 AND host = $2";
        let keys = [zone.as_str(), host.as_str()];
        row::must_be_new(connection, sql, &keys, "host").await?;
        sqlx::query("INSERT INTO resource_hosts (zone, host, resource) VALUES ($1, $2, $3)")
            .bind(zone.as_str())
            .bind(host.as_str())
            .bind(new.name.as_str())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
