//! Applications.

use axum::Json;
use axum::extract::State;
use caracal_store::Revocable;
use caracal_store::model::{Application, Change};

use super::change::{Items, Made};
use super::error::ApiError;
use super::extract::{Body, IdempotencyKey, InZone};
use super::{Api, Authority};

pub(super) async fn create<A: Authority>(
    State(api): State<Api<A>>,
    InZone(zone): InZone,
    IdempotencyKey(key): IdempotencyKey,
    Body(new): Body<Application>,
) -> Result<Made<Application>, ApiError> {
    let committed = api
        .change(&zone, Change::ApplicationCreated(new.clone()), key)
        .await?;
    Ok(Made::new(new, committed))
}

pub(super) async fn list<A: Authority>(
    State(api): State<Api<A>>,
    InZone(zone): InZone,
) -> Result<Json<Items<Revocable<Application>>>, ApiError> {
    api.require_zone(&zone).await?;
    Ok(Json(Items {
        items: api
            .store
            .applications(&zone)
            .await
            .map_err(ApiError::read)?,
    }))
}
