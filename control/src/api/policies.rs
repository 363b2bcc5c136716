//! Policies.

use axum::Json;
use axum::extract::State;
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
    source: String,
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
    Body(NewPolicy { source }): Body<NewPolicy>,
) -> Result<Made<Activated>, ApiError> {
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
