//! Grants.

use axum::Json;
use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use caracal_mandate::name::Name;
use caracal_mandate::scope::ScopeSet;
use caracal_store::Revocable;
use caracal_store::model::{Change, Grant};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::change::{Items, Made};
use super::error::ApiError;
use super::extract::{Body, IdempotencyKey, InZone};
use super::{Api, Authority};

/// What a caller says of a new grant; the id is the server's.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewGrant {
    application: Name,
    resource: Name,
    scopes: ScopeSet,
    expires_at: Option<u64>,
    max_lifetime: Option<u64>,
}

pub(super) async fn create<A: Authority>(
    State(api): State<Api<A>>,
    InZone(zone): InZone,
    IdempotencyKey(key): IdempotencyKey,
    Body(new): Body<NewGrant>,
) -> Result<Made<Grant>, ApiError> {
    let now = api.clock.unix_ms().div_euclid(1000);
    if new.expires_at.is_some_and(|second| second <= now) {
        return Err(ApiError::invalid(
            "expires_at is not in the future: give a later Unix second, or leave it out",
        ));
    }
    let bytes = if let Some(key) = &key {
        id_of(&zone, key, &new)?
    } else {
        let mut bytes = [0_u8; 16];
        let filled = api.random.fill(&mut bytes);
        filled.map_err(|_| ApiError::internal("the system's source of randomness failed"))?;
        bytes
    };
    let NewGrant {
        application,
        resource,
        scopes,
        expires_at,
        max_lifetime,
    } = new;
    let id = format!("grt_{}", URL_SAFE_NO_PAD.encode(bytes));
    let grant = Grant {
        id,
        application,
        resource,
        scopes,
        expires_at,
        max_lifetime,
    };
    let committed = api
        .change(&zone, Change::GrantCreated(grant.clone()), key)
        .await?;
    Ok(Made::new(grant, committed))
}

/// The id of a grant that is asked for under an idempotency key: the same request has to come to
/// the same change. An id is a name and no secret.
fn id_of(zone: &Name, key: &str, new: &NewGrant) -> Result<[u8; 16], ApiError> {
    let body = serde_json::to_vec(&(zone, key, new))
        .map_err(|_| ApiError::internal("the request could not be written"))?;
    let digest = Sha256::new()
        .chain_update(b"caracal-grant-v1\0")
        .chain_update(body)
        .finalize();
    let mut id = [0_u8; 16];
    id.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    Ok(id)
}

pub(super) async fn list<A: Authority>(
    State(api): State<Api<A>>,
    InZone(zone): InZone,
) -> Result<Json<Items<Revocable<Grant>>>, ApiError> {
    api.require_zone(&zone).await?;
    Ok(Json(Items {
        items: api.store.grants(&zone).await.map_err(ApiError::read)?,
    }))
}
