//! Credentials: what leads to one of them leads to one application.

use caracal_mandate::name::Name;

use super::{CommitError, application, exists, identity, invalid, missing, row};
use crate::log::{json, to_json};
use crate::model::{
    Credential, CredentialRef, IssuerPurpose, Proof, ServiceAccount, TrustedIssuer,
};
use crate::store::Connection;

/// Most live credentials of one application: what an authentication has to look through.
const MAX_CREDENTIALS: i64 = 32;

pub(super) async fn add(
    connection: &mut Connection,
    zone: &Name,
    seq: i64,
    new: &Credential,
) -> Result<(), CommitError> {
    is_well_formed(new)?;
    application::is_live(connection, zone, &new.application).await?;
    let sql = "SELECT seq FROM credentials WHERE id = $1";
    row::must_be_new(connection, sql, &[&new.id], "credential").await?;
    has_room(connection, zone, &new.application).await?;
    sqlx::query(
        "INSERT INTO credentials (id, zone, application, definition, seq) \
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(&new.id)
    .bind(zone.as_str())
    .bind(new.application.as_str())
    .bind(to_json(new)?)
    .bind(seq)
    .execute(&mut *connection)
    .await?;
    match &new.proof {
        Proof::Spiffe { spiffe_id } => {
            identity::claim(connection, zone, "application", &new.application, spiffe_id).await
        }
        Proof::Secret { sha256: _ } => Ok(()),
        Proof::PublicKey { jwks } => {
            for key in jwks {
                let mark = format!("key/{}/{}", new.application, key.kid());
                if !mark_is_set(connection, zone, &mark, &new.id).await? {
                    return Err(exists("key", key.kid()));
                }
            }
            Ok(())
        }
        // One, so that one assertion makes nobody ask in many places.
        Proof::JwksUri { jwks_uri } => {
            let mark = format!("jwks-uri/{}", new.application);
            if !mark_is_set(connection, zone, &mark, &new.id).await? {
                return Err(exists("jwks_uri", jwks_uri));
            }
            Ok(())
        }
        Proof::Kubernetes(account) => {
            issuer_is_trusted(connection, zone, account).await?;
            let ServiceAccount {
                issuer,
                namespace,
                service_account,
            } = account;
            let mark = format!("kubernetes/{namespace}/{service_account}/{issuer}");
            if !mark_is_set(connection, zone, &mark, &new.id).await? {
                // Not whose it is: the caller may look after one application only.
                return Err(exists("service account", service_account));
            }
            Ok(())
        }
    }
}

pub(super) async fn revoke(
    connection: &mut Connection,
    zone: &Name,
    seq: i64,
    which: &CredentialRef,
) -> Result<(), CommitError> {
    let row: Option<(String, Option<i64>)> = sqlx::query_as(
        "SELECT definition, revoked_seq FROM credentials \
         WHERE zone = $1 AND application = $2 AND id = $3",
    )
    .bind(zone.as_str())
    .bind(which.application.as_str())
    .bind(&which.id)
    .fetch_optional(&mut *connection)
    .await?;
    let (definition, revoked) = row.ok_or_else(|| missing("credential", &which.id))?;
    if revoked.is_some() {
        return Err(invalid(format!("credential {} was revoked", which.id)));
    }
    sqlx::query("UPDATE credentials SET revoked_seq = $1 WHERE id = $2")
        .bind(seq)
        .bind(&which.id)
        .execute(&mut *connection)
        .await?;
    sqlx::query("DELETE FROM credential_marks WHERE credential = $1")
        .bind(&which.id)
        .execute(&mut *connection)
        .await?;
    if let Proof::Spiffe { spiffe_id } = json::<Credential>(&definition)?.proof {
        identity::revoke(connection, seq, &spiffe_id).await?;
    }
    Ok(())
}

fn is_well_formed(new: &Credential) -> Result<(), CommitError> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let plain = |rest: &str| (1..=64).contains(&rest.len()) && rest.bytes().all(legal);
    if !new.id.strip_prefix("crd_").is_some_and(plain) {
        return Err(invalid(
            "a credential's id is crd_ and characters of base64url",
        ));
    }
    if new
        .expires_at
        .is_some_and(|expires| expires <= new.created_at)
    {
        return Err(invalid("a credential expires after it was made"));
    }
    // Who a certificate is has to be the same for every reader of the log, whatever its clock.
    if matches!(new.proof, Proof::Spiffe { .. }) && new.expires_at.is_some() {
        return Err(invalid(
            "a SPIFFE ID does not expire: its certificates do; revoke the credential instead",
        ));
    }
    Ok(())
}

async fn has_room(
    connection: &mut Connection,
    zone: &Name,
    application: &Name,
) -> Result<(), CommitError> {
    let (live,): (i64,) = sqlx::query_as(
        "SELECT COUNT(*) FROM credentials \
         WHERE zone = $1 AND application = $2 AND revoked_seq IS NULL",
    )
    .bind(zone.as_str())
    .bind(application.as_str())
    .fetch_one(connection)
    .await?;
    if live < MAX_CREDENTIALS {
        return Ok(());
    }
    Err(invalid(format!(
        "application {application} has {MAX_CREDENTIALS} credentials; revoke one first"
    )))
}

/// Takes a mark for a credential; false if another live one has it.
async fn mark_is_set(
    connection: &mut Connection,
    zone: &Name,
    mark: &str,
    credential: &str,
) -> Result<bool, CommitError> {
    let set = sqlx::query(
        "INSERT INTO credential_marks (zone, mark, credential) VALUES ($1, $2, $3) \
         ON CONFLICT (zone, mark) DO NOTHING",
    )
    .bind(zone.as_str())
    .bind(mark)
    .bind(credential)
    .execute(connection)
    .await?;
    Ok(set.rows_affected() == 1)
}

async fn issuer_is_trusted(
    connection: &mut Connection,
    zone: &Name,
    account: &ServiceAccount,
) -> Result<(), CommitError> {
    let issuer = &account.issuer;
    let row: Option<(String,)> =
        sqlx::query_as("SELECT definition FROM issuers WHERE zone = $1 AND issuer = $2")
            .bind(zone.as_str())
            .bind(issuer.as_str())
            .fetch_optional(connection)
            .await?;
    let (definition,) = row.ok_or_else(|| missing("trusted issuer", issuer))?;
    if json::<TrustedIssuer>(&definition)?.purpose == IssuerPurpose::Kubernetes {
        return Ok(());
    }
    Err(invalid(format!(
        "issuer {issuer} is not trusted for kubernetes service accounts"
    )))
}
