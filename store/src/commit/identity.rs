//! Workload identities: one belongs to one application or enforcement point of all zones.

use caracal_mandate::name::Name;
use caracal_mandate::spiffe::SpiffeId;

use super::{CommitError, exists, missing};
use crate::store::Connection;

/// Takes the identity for one party, for good: a revoked party keeps it, so that nobody can come
/// back under the identity of what was revoked.
pub(super) async fn claim(
    connection: &mut Connection,
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

/// Refuses a holder that is no workload of the application, or was one.
pub(super) async fn belongs_to(
    connection: &mut Connection,
    zone: &Name,
    application: &Name,
    holder: &SpiffeId,
) -> Result<(), CommitError> {
    let row: Option<(String,)> = sqlx::query_as(
        "SELECT name FROM identities WHERE spiffe_id = $1 AND zone = $2 \
         AND kind = 'application' AND name = $3 AND revoked_seq IS NULL",
    )
    .bind(holder.as_str())
    .bind(zone.as_str())
    .bind(application.as_str())
    .fetch_optional(connection)
    .await?;
    row.map(|_| ()).ok_or_else(|| missing("workload", holder))
}

/// Withdraws an identity from its party, which keeps the name.
pub(super) async fn revoke(
    connection: &mut Connection,
    seq: i64,
    spiffe_id: &SpiffeId,
) -> Result<(), CommitError> {
    sqlx::query("UPDATE identities SET revoked_seq = $1 WHERE spiffe_id = $2")
        .bind(seq)
        .bind(spiffe_id.as_str())
        .execute(connection)
        .await?;
    Ok(())
}
