//! Revocations: what a target hits, and the mark on what is revoked for good.

use caracal_mandate::claims::{CLOCK_SKEW_SECONDS, MAX_LIFETIME_SECONDS};
use caracal_mandate::name::Name;

use super::{CommitError, invalid, resource, row, session};
use crate::model::{RevocationRecord, RevocationTarget};
use crate::number::{bits, signed, watermark};
use crate::store::Connection;

/// Longest id of a mandate, session or grant that is looked at.
const MAX_ID_BYTES: usize = 128;

/// The record of a revocation of `target`, which must exist.
pub(super) async fn record(
    connection: &mut Connection,
    zone: &Name,
    target: RevocationTarget,
    now_s: u64,
) -> Result<RevocationRecord, CommitError> {
    let mut uri = None;
    match &target {
        // No table lists mandates: what was issued stands in the ledger.
        RevocationTarget::Mandate(id) => is_plain(id)?,
        RevocationTarget::Session(id) => {
            is_plain(id)?;
            let sql = "SELECT seq FROM sessions WHERE zone = $1 AND id = $2";
            row::must_exist(connection, sql, &[zone.as_str(), id], "session").await?;
        }
        RevocationTarget::Grant(id) => {
            is_plain(id)?;
            let sql = "SELECT seq FROM grants WHERE zone = $1 AND id = $2";
            row::must_exist(connection, sql, &[zone.as_str(), id], "grant").await?;
        }
        RevocationTarget::Delegation(id) => {
            is_plain(id)?;
            let sql = "SELECT seq FROM delegations WHERE zone = $1 AND id = $2";
            row::must_exist(connection, sql, &[zone.as_str(), id], "delegation").await?;
        }
        RevocationTarget::Application(name) => {
            let sql = "SELECT seq FROM applications WHERE zone = $1 AND name = $2";
            let keys = [zone.as_str(), name.as_str()];
            row::must_exist(connection, sql, &keys, "application").await?;
        }
        RevocationTarget::Resource(name) => {
            uri = Some(resource::read(connection, zone, name).await?.uri);
        }
        RevocationTarget::Zone => {}
    }
    let id = target
        .revocation_id(zone, uri.as_ref())
        .ok_or_else(|| invalid(format!("{target} has no identifier")))?;
    Ok(RevocationRecord {
        id: id.0,
        issued_until: if target.is_for_good() {
            u64::MAX
        } else {
            now_s
        },
        // One skew for a mandate that was issued by a clock ahead, one for the clock that asks.
        expires: now_s
            .saturating_add(MAX_LIFETIME_SECONDS)
            .saturating_add(CLOCK_SKEW_SECONDS.saturating_mul(2)),
        target,
    })
}

pub(super) async fn write(
    connection: &mut Connection,
    zone: &Name,
    seq: i64,
    record: &RevocationRecord,
) -> Result<(), CommitError> {
    mark(connection, zone, seq, &record.target).await?;
    // The stricter of both stays, as in every filter's set.
    sqlx::query(
        "INSERT INTO revocations (zone, target, hit_id, issued_until, expires, seq) \
         VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (zone, target) DO UPDATE SET seq = excluded.seq, \
         issued_until = CASE WHEN excluded.issued_until > revocations.issued_until \
             THEN excluded.issued_until ELSE revocations.issued_until END, \
         expires = CASE WHEN excluded.expires > revocations.expires \
             THEN excluded.expires ELSE revocations.expires END",
    )
    .bind(zone.as_str())
    .bind(record.target.to_string())
    .bind(bits(record.id))
    .bind(watermark(record.issued_until))
    .bind(signed(record.expires)?)
    .bind(seq)
    .execute(connection)
    .await?;
    Ok(())
}

/// Marks what never comes back, so that it is known after the revocation has expired.
async fn mark(
    connection: &mut Connection,
    zone: &Name,
    seq: i64,
    target: &RevocationTarget,
) -> Result<(), CommitError> {
    let (sql, id) = match target {
        RevocationTarget::Mandate(_) | RevocationTarget::Resource(_) | RevocationTarget::Zone => {
            return Ok(());
        }
        RevocationTarget::Session(id) => return session::end(connection, zone, seq, id).await,
        RevocationTarget::Grant(id) => (
            "UPDATE grants SET revoked_seq = $1 \
             WHERE zone = $2 AND id = $3 AND revoked_seq IS NULL",
            id.as_str(),
        ),
        RevocationTarget::Delegation(id) => (
            "UPDATE delegations SET revoked_seq = $1 \
             WHERE zone = $2 AND id = $3 AND revoked_seq IS NULL",
            id.as_str(),
        ),
        RevocationTarget::Application(name) => (
            "UPDATE applications SET revoked_seq = $1 \
             WHERE zone = $2 AND name = $3 AND revoked_seq IS NULL",
            name.as_str(),
        ),
    };
    sqlx::query(sql)
        .bind(seq)
        .bind(zone.as_str())
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}

fn is_plain(id: &str) -> Result<(), CommitError> {
    if id.len() <= MAX_ID_BYTES && id.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(())
    } else {
        Err(invalid(format!(
            "an id has at most {MAX_ID_BYTES} printable ASCII characters"
        )))
    }
}
