//! Grants.

use caracal_mandate::claims::MAX_LIFETIME_SECONDS;
use caracal_mandate::name::Name;

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
    let resource = resource::read(connection, zone, &new.resource).await?;
    let known = |scope| {
        resource
            .operations
            .iter()
            .any(|one| one.scopes.contains(scope))
    };
    if let Some(scope) = new.scopes.iter().find(|scope| !known(scope)) {
        return Err(invalid(format!(
            "no operation of resource {} takes scope {scope}",
            new.resource
        )));
    }
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

fn is_well_formed(new: &Grant) -> Result<(), CommitError> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let plain = |rest: &str| (1..=64).contains(&rest.len()) && rest.bytes().all(legal);
    if !new.id.strip_prefix("grt_").is_some_and(plain) {
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
