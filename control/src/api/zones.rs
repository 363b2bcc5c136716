//! Zones.

use axum::Json;
use axum::extract::State;
use caracal_store::Listed;
use caracal_store::model::{Change, Zone};

use super::change::{Items, Made};
use super::error::ApiError;
use super::extract::{Body, IdempotencyKey};
use super::{Api, Authority};

pub(super) async fn create<A: Authority>(
    State(api): State<Api<A>>,
    IdempotencyKey(key): IdempotencyKey,
    Body(zone): Body<Zone>,
) -> Result<Made<Zone>, ApiError> {
    let committed = api
        .change(&zone.name, Change::ZoneCreated(zone.clone()), key)
        .await?;
    // Also for a repeated request: the first one may have failed here.
    let made = api.authority.ensure_zone_key(&zone.name).await;
    made.map_err(|error| ApiError::key(&zone.name, &error))?;
    Ok(Made::new(zone, committed))
}

pub(super) async fn list<A: Authority>(
    State(api): State<Api<A>>,
) -> Result<Json<Items<Listed<Zone>>>, ApiError> {
    Ok(Json(Items {
        items: api.store.zones().await.map_err(ApiError::read)?,
    }))
}
