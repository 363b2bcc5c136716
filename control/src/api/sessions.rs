//! Sessions.

use axum::Json;
use axum::extract::State;
use caracal_store::Revocable;
use caracal_store::model::Session;

use super::change::Items;
use super::error::ApiError;
use super::extract::InZone;
use super::{Api, Authority};

pub(super) async fn list<A: Authority>(
    State(api): State<Api<A>>,
    InZone(zone): InZone,
) -> Result<Json<Items<Revocable<Session>>>, ApiError> {
    api.require_zone(&zone).await?;
    Ok(Json(Items {
        items: api.store.sessions(&zone).await.map_err(ApiError::read)?,
    }))
}
