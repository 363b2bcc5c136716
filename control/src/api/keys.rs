//! Signing keys of a zone.

use axum::Json;
use axum::extract::{Path, State};
use caracal_mandate::name::Name;
use caracal_sts::KeyStatus;
use serde::{Deserialize, Serialize};

use super::acknowledged::Acknowledgements;
use super::change::{Done, Items};
use super::error::ApiError;
use super::extract::{IdempotencyKey, InZone, Parameters};
use super::{Api, Authority};

/// Longest id of a key in bytes; a thumbprint has 43.
const MAX_KID_BYTES: usize = 128;

/// The answer to a step of the keys.
#[derive(Serialize)]
pub(super) struct Step {
    /// The key that signs now; `null` when there is none, so that the zone issues nothing.
    signing: Option<String>,
    seq: u64,
    replayed: bool,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    acknowledgements: Option<Acknowledgements>,
}

/// How a key is revoked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct How {
    #[serde(default)]
    wait: bool,
}

impl From<Done> for Step {
    fn from(Done { committed, signing }: Done) -> Self {
        Self {
            signing,
            seq: committed.seq,
            replayed: committed.replayed,
            acknowledgements: None,
        }
    }
}

pub(super) async fn list<A: Authority>(
    State(api): State<Api<A>>,
    InZone(zone): InZone,
) -> Result<Json<Items<KeyStatus>>, ApiError> {
    api.require_zone(&zone).await?;
    Ok(Json(Items {
        items: api
            .authority
            .zone_keys(&zone)
            .await
            .map_err(|error| ApiError::key_list(&zone, error))?,
    }))
}

pub(super) async fn rotate<A: Authority>(
    State(api): State<Api<A>>,
    InZone(zone): InZone,
    IdempotencyKey(key): IdempotencyKey,
) -> Result<Json<Step>, ApiError> {
    Ok(Json(api.rotate_key(&zone, key).await?.into()))
}

pub(super) async fn revoke<A: Authority>(
    State(api): State<Api<A>>,
    path: Result<Path<(String, String)>, axum::extract::rejection::PathRejection>,
    Parameters(How { wait }): Parameters<How>,
    IdempotencyKey(key): IdempotencyKey,
) -> Result<Json<Step>, ApiError> {
    let Path((zone, kid)) = path.map_err(|error| ApiError::invalid(error.body_text()))?;
    let zone: Result<Name, _> = zone.parse();
    let zone = zone.map_err(|error| ApiError::invalid(format!("the path: {error}")))?;
    let plain = kid.bytes().all(|byte| byte.is_ascii_graphic());
    if kid.len() > MAX_KID_BYTES || !plain {
        return Err(ApiError::invalid("the path: no key has such an id"));
    }
    let step: Step = api.revoke_key(&zone, kid, key).await?.into();
    let acknowledgements = Acknowledgements::of(&api, &zone, step.seq, wait).await;
    Ok(Json(Step {
        acknowledgements,
        ..step
    }))
}
