//! Enforcement points: those that are registered, and those that are connected.

use axum::Json;
use axum::extract::State;
use caracal_store::Listed;
use caracal_store::model::{Change, EnforcementPoint};
use caracal_sts::PointStatus;

use super::change::{Items, Made};
use super::error::ApiError;
use super::extract::{Body, IdempotencyKey, InZone};
use super::{Api, Authority};

pub(super) async fn create<A: Authority>(
    State(api): State<Api<A>>,
    InZone(zone): InZone,
    IdempotencyKey(key): IdempotencyKey,
    Body(new): Body<EnforcementPoint>,
) -> Result<Made<EnforcementPoint>, ApiError> {
    let committed = api
        .change(&zone, Change::PointCreated(new.clone()), key)
        .await?;
    Ok(Made::new(new, committed))
}

pub(super) async fn list<A: Authority>(
    State(api): State<Api<A>>,
    InZone(zone): InZone,
) -> Result<Json<Items<Listed<EnforcementPoint>>>, ApiError> {
    api.require_zone(&zone).await?;
    Ok(Json(Items {
        items: api.store.points(&zone).await.map_err(ApiError::read)?,
    }))
}

pub(super) async fn status<A: Authority>(
    State(api): State<Api<A>>,
    InZone(zone): InZone,
) -> Result<Json<Items<PointStatus>>, ApiError> {
    api.require_zone(&zone).await?;
    let mut items = api.authority.points().await.items;
    items.retain(|point| point.zone == zone);
    Ok(Json(Items { items }))
}
