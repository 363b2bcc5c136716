//! Policies.

use axum::Json;
use axum::extract::{Path, State};
use caracal_mandate::name::Name;
use caracal_store::PolicyVersion;
use caracal_store::model::{Change, Policy};
use serde::{Deserialize, Serialize};

use super::change::{Items, Made};
use super::error::ApiError;
use super::extract::{Body, IdempotencyKey, InZone};
use super::recorder::Subject;
use super::{Api, Authority};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPolicy {
    /// A new version.
    source: Option<String>,
    /// A version that is there.
    digest: Option<String>,
}

/// The version that was activated; its source is the caller's own.
#[derive(Serialize)]
pub(super) struct Activated {
    digest: String,
}

pub(super) async fn activate<A: Authority>(
    State(api): State<Api<A>>,
    InZone(zone): InZone,
    IdempotencyKey(key): IdempotencyKey,
    Body(NewPolicy { source, digest }): Body<NewPolicy>,
) -> Result<Made<Activated>, ApiError> {
    let source = match (source, digest) {
        (Some(source), None) => source,
        // A version is checked again: what was fine for an older release may be refused by this one.
        (None, Some(digest)) => stored(&api, &zone, &digest).await?.source,
        (Some(_), Some(_)) | (None, None) => {
            return Err(ApiError::invalid(
                "the JSON body: give either `source` or the `digest` of a version that exists",
            ));
        }
    };
    let checked = api.authority.check_policy(&source).await;
    let policy = Policy::new(source);
    if let Err(refusal) = checked {
        let detail = format!("policy {} refused: {refusal}", policy.digest);
        api.refuse(
            &zone,
            Subject {
                detail,
                ..Subject::default()
            },
        )
        .await?;
        return Err(ApiError::policy(&zone, &refusal));
    }
    let digest = policy.digest.clone();
    let committed = api
        .change(&zone, Change::PolicyActivated(policy), key)
        .await?;
    Ok(Made::new(Activated { digest }, committed))
}

pub(super) async fn list<A: Authority>(
    State(api): State<Api<A>>,
    InZone(zone): InZone,
) -> Result<Json<Items<PolicyVersion>>, ApiError> {
    api.require_zone(&zone).await?;
    Ok(Json(Items {
        items: api.store.policies(&zone).await.map_err(ApiError::read)?,
    }))
}

/// One version with its source.
pub(super) async fn show<A: Authority>(
    State(api): State<Api<A>>,
    Path((zone, digest)): Path<(String, String)>,
) -> Result<Json<Policy>, ApiError> {
    let zone = zone.parse::<Name>();
    let zone = zone.map_err(|error| ApiError::invalid(format!("zone in the path: {error}")))?;
    api.require_zone(&zone).await?;
    Ok(Json(stored(&api, &zone, &digest).await?))
}

async fn stored<A: Authority>(api: &Api<A>, zone: &Name, digest: &str) -> Result<Policy, ApiError> {
    let policy = api.store.policy(zone, digest).await;
    policy
        .map_err(ApiError::read)?
        .ok_or_else(|| ApiError::no_policy(zone, digest))
}
