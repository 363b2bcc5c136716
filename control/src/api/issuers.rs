//! Issuers whose tokens a zone takes.

use axum::Json;
use axum::extract::{Path, State};
use caracal_mandate::name::Name;
use caracal_store::Listed;
use caracal_store::model::{Change, IssuerPurpose, IssuerUrl, JwkSet, KeysUrl, TrustedIssuer};
use serde::Deserialize;
use serde_json::Value;

use super::change::{Items, Made, Removed};
use super::error::ApiError;
use super::extract::{Body, IdempotencyKey, InZone};
use super::{Api, Authority};

/// Seconds after which a foreign token is too old when the caller says nothing.
const DEFAULT_TOKEN_AGE: u64 = 3600;

/// What a caller says of an issuer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewIssuer {
    name: Name,
    issuer: IssuerUrl,
    purpose: IssuerPurpose,
    audiences: Vec<String>,
    /// A JWK or a JWK set. Keys that verify nothing here, such as those for encryption, are left out.
    jwks: Option<Value>,
    jwks_uri: Option<KeysUrl>,
    subject_claim: Option<String>,
    max_token_age: Option<u64>,
}

pub(super) async fn create<A: Authority>(
    State(api): State<Api<A>>,
    InZone(zone): InZone,
    IdempotencyKey(key): IdempotencyKey,
    Body(new): Body<NewIssuer>,
) -> Result<Made<TrustedIssuer>, ApiError> {
    let NewIssuer {
        name,
        issuer,
        purpose,
        audiences,
        jwks,
        jwks_uri,
        subject_claim,
        max_token_age,
    } = new;
    let jwks = jwks.map(JwkSet::usable).transpose();
    let issuer = TrustedIssuer {
        name,
        issuer,
        purpose,
        audiences,
        jwks: jwks.map_err(|error| ApiError::invalid(format!("jwks: {error}")))?,
        jwks_uri,
        subject_claim: subject_claim.unwrap_or_else(|| "sub".to_owned()),
        max_token_age: max_token_age.unwrap_or(DEFAULT_TOKEN_AGE),
    };
    let change = Change::IssuerCreated(issuer.clone());
    let committed = api.change(&zone, change, key).await?;
    Ok(Made::new(issuer, committed))
}

pub(super) async fn list<A: Authority>(
    State(api): State<Api<A>>,
    InZone(zone): InZone,
) -> Result<Json<Items<Listed<TrustedIssuer>>>, ApiError> {
    api.require_zone(&zone).await?;
    Ok(Json(Items {
        items: api.store.issuers(&zone).await.map_err(ApiError::read)?,
    }))
}

pub(super) async fn remove<A: Authority>(
    State(api): State<Api<A>>,
    path: Result<Path<(String, String)>, axum::extract::rejection::PathRejection>,
    IdempotencyKey(key): IdempotencyKey,
) -> Result<Removed, ApiError> {
    let Path((zone, issuer)) = path.map_err(|error| ApiError::invalid(error.body_text()))?;
    let name = |text: String| {
        let parsed: Result<Name, _> = text.parse();
        parsed.map_err(|error| ApiError::invalid(format!("the path: {error}")))
    };
    let (zone, issuer) = (name(zone)?, name(issuer)?);
    Ok(api
        .change(&zone, Change::IssuerRemoved(issuer), key)
        .await?
        .into())
}
