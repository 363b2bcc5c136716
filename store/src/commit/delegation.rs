//! Delegations.

use caracal_mandate::claims::MAX_LIFETIME_SECONDS;
use caracal_mandate::name::Name;

use super::{CommitError, application, grant, invalid, row, session};
use crate::log::to_json;
use crate::model::{Delegation, MAX_DELEGATIONS};
use crate::store::Connection;

pub(super) async fn create(
    connection: &mut Connection,
    zone: &Name,
    seq: i64,
    new: &Delegation,
) -> Result<(), CommitError> {
    is_well_formed(new)?;
    application::is_live(connection, zone, &new.from).await?;
    application::is_live(connection, zone, &new.to).await?;
    grant::takes_scopes(connection, zone, &new.resource, &new.scopes).await?;
    for (session, application) in [(&new.from_session, &new.from), (&new.to_session, &new.to)] {
        if let Some(session) = session {
            session::is_open(connection, zone, application, session).await?;
        }
    }
    // Over all zones: an id is never used twice, also not for something that was revoked.
    let sql = "SELECT seq FROM delegations WHERE id = $1";
    row::must_be_new(connection, sql, &[&new.id], "delegation").await?;
    sqlx::query(
        "INSERT INTO delegations (id, zone, delegator, delegate, resource, definition, seq) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(&new.id)
    .bind(zone.as_str())
    .bind(new.from.as_str())
    .bind(new.to.as_str())
    .bind(new.resource.as_str())
    .bind(to_json(new)?)
    .bind(seq)
    .execute(connection)
    .await?;
    Ok(())
}

fn is_well_formed(new: &Delegation) -> Result<(), CommitError> {
    if !row::is_id("dlg_", &new.id) {
        return Err(invalid(
            "a delegation's id is dlg_ and characters of base64url",
        ));
    }
    if new.from == new.to {
        return Err(invalid(format!(
            "application {} cannot delegate to itself: it would gain nothing",
            new.from
        )));
    }
    if new.signature.is_some() && (new.from_session.is_some() || new.to_session.is_some()) {
        return Err(invalid(
            "what is signed is between applications: a delegation of one session has no signature",
        ));
    }
    if new.scopes.is_empty() {
        return Err(invalid("a delegation names at least one scope"));
    }
    if let Some(seconds) = new.max_lifetime
        && !(1..=MAX_LIFETIME_SECONDS).contains(&seconds)
    {
        return Err(invalid(format!(
            "mandates live 1 to {MAX_LIFETIME_SECONDS} seconds, not {seconds}"
        )));
    }
    if new.max_depth >= MAX_DELEGATIONS {
        return Err(invalid(format!(
            "authority is passed on at most {MAX_DELEGATIONS} times: max_depth is at most {}",
            MAX_DELEGATIONS.saturating_sub(1)
        )));
    }
    Ok(())
}
