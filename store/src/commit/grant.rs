//! Grants.

use caracal_mandate::claims::MAX_LIFETIME_SECONDS;
use caracal_mandate::name::Name;
use caracal_mandate::scope::ScopeSet;

use super::{CommitError, application, invalid, issuer, resource, row};
use crate::log::to_json;
use crate::model::Grant;
use crate::store::Connection;

pub(super) async fn create(
    connection: &mut Connection,
    zone: &Name,
    seq: i64,
    new: &Grant,
) -> Result<(), CommitError> {
    is_well_formed(new)?;
    application::is_live(connection, zone, &new.application).await?;
    takes_scopes(connection, zone, &new.resource, &new.scopes).await?;
    if let Some(human) = &new.conditions.on_behalf_of {
        issuer::vouch_for_humans(connection, zone, human.issuers()).await?;
    }
    let conditions = (!new.conditions.is_empty()).then_some(&new.conditions);
    // Over all zones: an id is never used twice, also not for something that was revoked.
    let sql = "SELECT seq FROM grants WHERE id = $1";
    row::must_be_new(connection, sql, &[&new.id], "grant").await?;
    sqlx::query(
        "INSERT INTO grants (id, zone, application, resource, definition, conditions, seq) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(&new.id)
    .bind(zone.as_str())
    .bind(new.application.as_str())
    .bind(new.resource.as_str())
    .bind(to_json(new)?)
    .bind(conditions.map(to_json).transpose()?)
    .bind(seq)
    .execute(connection)
    .await?;
    Ok(())
}

/// Refuses a scope that opens nothing at the resource.
pub(super) async fn takes_scopes(
    connection: &mut Connection,
    zone: &Name,
    name: &Name,
    scopes: &ScopeSet,
) -> Result<(), CommitError> {
    let operations = resource::read(connection, zone, name).await?.operations;
    let known = |scope| operations.iter().any(|one| one.scopes.contains(scope));
    match scopes.iter().find(|scope| !known(scope)) {
        Some(scope) => Err(invalid(format!(
            "no operation of resource {name} takes scope {scope}"
        ))),
        None => Ok(()),
    }
}

fn is_well_formed(new: &Grant) -> Result<(), CommitError> {
    if !row::is_id("grt_", &new.id) {
        return Err(invalid("a grant's id is grt_ and characters of base64url"));
    }
    if new.scopes.is_empty() {
        return Err(invalid("a grant names at least one scope"));
    }
    if let Some(seconds) = new.max_lifetime
        && !(1..=MAX_LIFETIME_SECONDS).contains(&seconds)
    {
        return Err(invalid(format!(
            "mandates live 1 to {MAX_LIFETIME_SECONDS} seconds, not {seconds}"
        )));
    }
    if let (Some(start), Some(end)) = (new.conditions.not_before, new.expires_at)
        && start >= end
    {
        return Err(invalid(
            "the grant would never be good: not_before is not before expires_at",
        ));
    }
    Ok(())
}
