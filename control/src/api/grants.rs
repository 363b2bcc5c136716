//! Grants.

use axum::Json;
use axum::extract::State;
use caracal_mandate::name::Name;
use caracal_mandate::scope::ScopeSet;
use caracal_store::Revocable;
use caracal_store::model::{Change, Grant, GrantConditions};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::change::{Items, Made};
use super::error::ApiError;
use super::extract::{Body, IdempotencyKey, InZone};
use super::id::{Kind, new_id};
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
    #[serde(
        default,
        deserialize_with = "named",
        skip_serializing_if = "GrantConditions::is_empty"
    )]
    conditions: GrantConditions,
}

/// Conditions by their names. An array would be taken for the members in their order.
fn named<'de, D: Deserializer<'de>>(conditions: D) -> Result<GrantConditions, D::Error> {
    let members = Map::<String, Value>::deserialize(conditions)?;
    if members.values().any(Value::is_array) {
        return Err(D::Error::custom(
            "a condition is an array, and should be an object",
        ));
    }
    GrantConditions::deserialize(Value::Object(members)).map_err(D::Error::custom)
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
    let id = new_id(Kind::Grant, &zone, key.as_deref(), &new, &*api.random)?;
    let NewGrant {
        application,
        resource,
        scopes,
        expires_at,
        max_lifetime,
        conditions,
    } = new;
    let grant = Grant {
        id,
        application,
        resource,
        scopes,
        expires_at,
        max_lifetime,
        conditions,
    };
    let committed = api
        .change(&zone, Change::GrantCreated(grant.clone()), key)
        .await?;
    Ok(Made::new(grant, committed))
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
