//! Suspending and resuming: a revocation that can be undone.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use caracal_mandate::name::Name;
use caracal_store::Listed;
use caracal_store::model::{Change, RevocationTarget, Suspension};

use super::change::{Items, Made, Removed};
use super::error::ApiError;
use super::extract::{Body, IdempotencyKey, InZone};
use super::revocations::{NewRevocation, Revoked};
use super::{Api, Authority};

pub(super) async fn create<A: Authority>(
    State(api): State<Api<A>>,
    InZone(zone): InZone,
    IdempotencyKey(key): IdempotencyKey,
    Body(NewRevocation { target, wait }): Body<NewRevocation>,
) -> Result<Made<Revoked>, ApiError> {
    let change = Change::Suspended(suspension(&zone, &target)?);
    let committed = api.change(&zone, change, key).await?;
    Ok(Revoked::made(&api, &zone, target, committed, wait).await)
}

pub(super) async fn remove<A: Authority>(
    State(api): State<Api<A>>,
    path: Result<Path<(String, String, String)>, PathRejection>,
    IdempotencyKey(key): IdempotencyKey,
) -> Result<Removed, ApiError> {
    let Path((zone, kind, id)) = path.map_err(|error| ApiError::invalid(error.body_text()))?;
    let zone = zone.parse();
    let zone: Name =
        zone.map_err(|error| ApiError::invalid(format!("zone in the path: {error}")))?;
    let change = Change::Resumed(suspension(&zone, &format!("{kind}/{id}"))?);
    Ok(api.change(&zone, change, key).await?.into())
}

pub(super) async fn list<A: Authority>(
    State(api): State<Api<A>>,
    InZone(zone): InZone,
) -> Result<Json<Items<Listed<Suspension>>>, ApiError> {
    api.require_zone(&zone).await?;
    Ok(Json(Items {
        items: api.store.suspensions(&zone).await.map_err(ApiError::read)?,
    }))
}

fn suspension(zone: &Name, target: &str) -> Result<Suspension, ApiError> {
    let target: RevocationTarget = target
        .parse()
        .map_err(|error| ApiError::invalid(format!("target: {error}")))?;
    // What has no identifier of its own cannot be suspended; the store says so.
    let id = target.revocation_id(zone, None).map_or(0, |id| id.0);
    Ok(Suspension { target, id })
}
