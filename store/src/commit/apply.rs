//! What each change does to the tables.

use caracal_mandate::name::Name;

use super::{
    CommitError, application, credential, delegation, grant, invalid, issuer, key, point, resource,
    revocation, row, session, suspension,
};
use crate::model::{Change, Policy, Zone};
use crate::store::Connection;

/// Checks the change against the rules and writes it to the tables. `at` is its position and the Unix
/// milliseconds of the commit.
pub(super) async fn change(
    connection: &mut Connection,
    zone: &Name,
    at: (i64, u64),
    change: &Change,
    sealed: Option<&[u8]>,
) -> Result<(), CommitError> {
    let (seq, at_ms) = at;
    if let Change::ZoneCreated(new) = change {
        return create_zone(connection, zone, seq, new).await;
    }
    zone_exists(connection, zone).await?;
    match change {
        Change::ZoneCreated(_) => Ok(()),
        Change::ApplicationCreated(new) => application::create(connection, zone, seq, new).await,
        Change::CredentialAdded(new) => credential::add(connection, zone, seq, new).await,
        Change::CredentialRevoked(which) => credential::revoke(connection, zone, seq, which).await,
        Change::IssuerCreated(new) => issuer::create(connection, zone, seq, new).await,
        Change::IssuerRemoved(name) => issuer::remove(connection, zone, name).await,
        Change::ResourcePut(new) => resource::put(connection, zone, seq, new).await,
        Change::GrantCreated(new) => grant::create(connection, zone, seq, new).await,
        Change::DelegationCreated(new) => delegation::create(connection, zone, seq, new).await,
        Change::PolicyActivated(new) => activate_policy(connection, zone, seq, new).await,
        Change::KeyPublished(new) => key::publish(connection, zone, at, new, sealed).await,
        Change::KeyActivated(new) => key::activate(connection, zone, at_ms, new).await,
        Change::KeyDropped(kid) => key::drop_retired(connection, zone, at_ms, kid).await,
        Change::KeyRevoked(revoked) => key::revoke(connection, zone, at, revoked).await,
        Change::PointCreated(new) => point::create(connection, zone, seq, new).await,
        Change::SessionOpened(new) => session::open(connection, zone, seq, new).await,
        Change::SessionDeclared(new) => session::declare(connection, zone, at, new).await,
        Change::Revoked(record) => revocation::write(connection, zone, seq, record).await,
        Change::Suspended(new) => suspension::suspend(connection, zone, seq, new).await,
        Change::Resumed(ended) => suspension::resume(connection, zone, ended).await,
    }
}

/// Refuses a zone that does not exist.
pub(super) async fn zone_exists(
    connection: &mut Connection,
    zone: &Name,
) -> Result<(), CommitError> {
    let sql = "SELECT seq FROM zones WHERE name = $1";
    row::must_exist(connection, sql, &[zone.as_str()], "zone").await
}

async fn create_zone(
    connection: &mut Connection,
    zone: &Name,
    seq: i64,
    new: &Zone,
) -> Result<(), CommitError> {
    if new.name != *zone {
        return Err(invalid(format!(
            "zone {} cannot be made within zone {zone}",
            new.name
        )));
    }
    let host = ["https://", "http://"]
        .iter()
        .find_map(|scheme| new.issuer.strip_prefix(scheme));
    let plain = new
        .issuer
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'"');
    if host.is_none_or(|host| host.is_empty() || host.starts_with('/')) || !plain {
        return Err(invalid(format!(
            "the issuer {:?} of zone {zone} is not an https:// or http:// URL",
            new.issuer
        )));
    }
    let sql = "SELECT seq FROM zones WHERE name = $1";
    row::must_be_new(connection, sql, &[zone.as_str()], "zone").await?;
    sqlx::query("INSERT INTO zones (name, issuer, seq) VALUES ($1, $2, $3)")
        .bind(zone.as_str())
        .bind(&new.issuer)
        .bind(seq)
        .execute(connection)
        .await?;
    Ok(())
}

async fn activate_policy(
    connection: &mut Connection,
    zone: &Name,
    seq: i64,
    new: &Policy,
) -> Result<(), CommitError> {
    if new.digest != Policy::digest_of(&new.source) {
        return Err(invalid(format!(
            "{} is not the digest of the policy's source",
            new.digest
        )));
    }
    // The source stays as it is: the digest says that it is the same one.
    sqlx::query(
        "INSERT INTO policies (zone, digest, source, seq) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (zone, digest) DO UPDATE SET seq = excluded.seq",
    )
    .bind(zone.as_str())
    .bind(&new.digest)
    .bind(&new.source)
    .bind(seq)
    .execute(connection)
    .await?;
    Ok(())
}
