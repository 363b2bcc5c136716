//! Sessions that an administrator declares. A workload is in one at a time: a declaration takes the place of
//! what is open there, or is refused because something is.

use caracal_mandate::name::Name;

use super::{insert, row};
use crate::commit::{CommitError, invalid, revocation};
use crate::model::{
    DeclaredSession, MAX_SESSION_LEASE, MIN_SESSION_LEASE, RevocationTarget, Session,
};
use crate::number::signed;
use crate::store::Connection;

/// What is declared, with what ends for it: known only inside the transaction.
pub(in crate::commit) async fn declaration(
    connection: &mut Connection,
    zone: &Name,
    at_ms: u64,
    session: Session,
    takes_over: bool,
) -> Result<DeclaredSession, CommitError> {
    let mut ended = Vec::new();
    for id in in_place(connection, zone, &session).await? {
        if !takes_over {
            return Err(CommitError::InSession(id));
        }
        let target = RevocationTarget::Session(id);
        let now_s = at_ms.div_euclid(1000);
        ended.push(revocation::record(connection, zone, target, now_s).await?);
    }
    Ok(DeclaredSession { session, ended })
}

pub(in crate::commit) async fn declare(
    connection: &mut Connection,
    zone: &Name,
    (seq, at_ms): (i64, u64),
    new: &DeclaredSession,
) -> Result<(), CommitError> {
    is_well_formed(&new.session, at_ms)?;
    for record in &new.ended {
        revocation::write(connection, zone, seq, record).await?;
    }
    insert(connection, zone, seq, &new.session).await?;
    let terms = new.session.terms.as_ref();
    let Some((terms, seconds)) = terms.and_then(|terms| Some((terms, terms.lease_s?))) else {
        return Ok(());
    };
    let ends = terms.expires_at.map(|second| second.saturating_mul(1000));
    let lease_ms = u64::from(seconds).saturating_mul(1000);
    sqlx::query(
        "INSERT INTO session_leases (session, zone, lease_ms, until_ms, ends_ms) \
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(&new.session.id)
    .bind(zone.as_str())
    .bind(signed(lease_ms)?)
    .bind(signed(at_ms.saturating_add(lease_ms))?)
    .bind(ends.map_or(Ok(i64::MAX), signed)?)
    .execute(connection)
    .await?;
    Ok(())
}

/// Refuses what is opened by itself where a declared session is, also one that is over: it ends when
/// somebody ends it, and until then its terms are not got around.
pub(super) async fn stands_in_no_way(
    connection: &mut Connection,
    zone: &Name,
    new: &Session,
) -> Result<(), CommitError> {
    // Of those that nobody declared there may be many, and they are in nobody's way.
    let declared: Option<(String,)> = sqlx::query_as(
        "SELECT id FROM sessions WHERE zone = $1 AND application = $2 AND holder = $3 \
         AND COALESCE(parent, '') = $4 AND declared = 1 AND revoked_seq IS NULL",
    )
    .bind(zone.as_str())
    .bind(new.application.as_str())
    .bind(new.holder.as_str())
    .bind(new.parent.clone().unwrap_or_default())
    .fetch_optional(connection)
    .await?;
    declared.map_or(Ok(()), |(id,)| Err(CommitError::InSession(id)))
}

fn is_well_formed(new: &Session, at_ms: u64) -> Result<(), CommitError> {
    if !row::is_id("ses_", &new.id) {
        return Err(invalid(
            "a session's id is ses_ and characters of base64url",
        ));
    }
    let Some(terms) = &new.terms else {
        return Err(invalid("a declared session has terms"));
    };
    if let Some(seconds) = terms.lease_s
        && !(MIN_SESSION_LEASE..=MAX_SESSION_LEASE).contains(&seconds)
    {
        return Err(invalid(format!(
            "a lease is {MIN_SESSION_LEASE} to {MAX_SESSION_LEASE} seconds, not {seconds}"
        )));
    }
    let is_over = |second: u64| second.saturating_mul(1000) <= at_ms;
    if terms.expires_at.is_some_and(is_over) {
        return Err(invalid("the session would be over already"));
    }
    Ok(())
}

/// Sessions of the same workload that are open, for itself or on behalf of the same session.
async fn in_place(
    connection: &mut Connection,
    zone: &Name,
    new: &Session,
) -> Result<Vec<String>, CommitError> {
    let rows: Vec<(String,)> = sqlx::query_as(
        "SELECT id FROM sessions WHERE zone = $1 AND application = $2 AND holder = $3 \
         AND COALESCE(parent, '') = $4 AND revoked_seq IS NULL ORDER BY seq",
    )
    .bind(zone.as_str())
    .bind(new.application.as_str())
    .bind(new.holder.as_str())
    .bind(new.parent.clone().unwrap_or_default())
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}
