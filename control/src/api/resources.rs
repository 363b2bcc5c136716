//! Resources. Making one that exists replaces it.

use axum::Json;
use axum::extract::State;
use caracal_mandate::catalog::Resource;
use caracal_store::Listed;
use caracal_store::model::Change;

use super::change::{Items, Made};
use super::error::ApiError;
use super::extract::{Body, IdempotencyKey, InZone};
use super::{Api, Authority};

pub(super) async fn put<A: Authority>(
    State(api): State<Api<A>>,
    InZone(zone): InZone,
    IdempotencyKey(key): IdempotencyKey,
    Body(new): Body<Resource>,
) -> Result<Made<Resource>, ApiError> {
    let committed = api
        .change(&zone, Change::ResourcePut(new.clone()), key)
        .await?;
    Ok(Made::new(new, committed))
}

pub(super) async fn list<A: Authority>(
    State(api): State<Api<A>>,
    InZone(zone): InZone,
) -> Result<Json<Items<Listed<Resource>>>, ApiError> {
    api.require_zone(&zone).await?;
    Ok(Json(Items {
        items: api.store.resources(&zone).await.map_err(ApiError::read)?,
    }))
}
