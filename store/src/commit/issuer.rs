//! Trusted issuers.

use std::collections::BTreeSet;

use caracal_mandate::name::Name;

use super::{CommitError, exists, invalid, missing};
use crate::log::{json, to_json};
use crate::model::{IssuerPurpose, TrustedIssuer};
use crate::store::Connection;

/// Most issuers of one zone.
const MAX_ISSUERS: usize = 64;

pub(super) async fn create(
    connection: &mut Connection,
    zone: &Name,
    seq: i64,
    new: &TrustedIssuer,
) -> Result<(), CommitError> {
    new.validate().map_err(|error| invalid(error.to_string()))?;
    let rows: Vec<(String, String)> =
        sqlx::query_as("SELECT name, issuer FROM issuers WHERE zone = $1")
            .bind(zone.as_str())
            .fetch_all(&mut *connection)
            .await?;
    if rows.len() >= MAX_ISSUERS {
        return Err(invalid(format!(
            "zone {zone} trusts {MAX_ISSUERS} issuers already; remove one first"
        )));
    }
    for (name, issuer) in rows {
        if name == new.name.as_str() {
            return Err(exists("issuer", &new.name));
        }
        // Whoever reads a token finds its issuer by `iss` alone.
        if issuer == new.issuer.as_str() {
            return Err(exists("issuer", &new.issuer));
        }
    }
    sqlx::query(
        "INSERT INTO issuers (zone, name, issuer, definition, seq) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(zone.as_str())
    .bind(new.name.as_str())
    .bind(new.issuer.as_str())
    .bind(to_json(new)?)
    .bind(seq)
    .execute(connection)
    .await?;
    Ok(())
}

/// Refuses names that are no trusted issuers of humans.
pub(super) async fn vouch_for_humans(
    connection: &mut Connection,
    zone: &Name,
    names: &BTreeSet<Name>,
) -> Result<(), CommitError> {
    for name in names {
        let row: Option<(String,)> =
            sqlx::query_as("SELECT definition FROM issuers WHERE zone = $1 AND name = $2")
                .bind(zone.as_str())
                .bind(name.as_str())
                .fetch_optional(&mut *connection)
                .await?;
        let (definition,) = row.ok_or_else(|| missing("trusted issuer", name))?;
        if json::<TrustedIssuer>(&definition)?.purpose != IssuerPurpose::Human {
            return Err(invalid(format!("issuer {name} is not trusted for humans")));
        }
    }
    Ok(())
}

pub(super) async fn remove(
    connection: &mut Connection,
    zone: &Name,
    name: &Name,
) -> Result<(), CommitError> {
    let removed = sqlx::query("DELETE FROM issuers WHERE zone = $1 AND name = $2")
        .bind(zone.as_str())
        .bind(name.as_str())
        .execute(connection)
        .await?;
    if removed.rows_affected() == 0 {
        return Err(missing("issuer", name));
    }
    Ok(())
}
