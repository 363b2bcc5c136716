//! Delegations: who may have whom act with what.

use axum::Json;
use axum::extract::State;
use caracal_mandate::edge::EdgeSignature;
use caracal_mandate::name::Name;
use caracal_mandate::scope::ScopeSet;
use caracal_store::Revocable;
use caracal_store::model::{Change, Delegation};
use serde::{Deserialize, Serialize};

use super::change::{Items, Made};
use super::error::ApiError;
use super::extract::{Body, IdempotencyKey, InZone};
use super::id::{Kind, new_id};
use super::{Api, Authority};

/// What a caller says of a new delegation. The id is the server's, unless the owner of `from` has signed it
/// with the rest. Whether that signature is good nobody can tell here: the keys of owners are where mandates
/// are verified, and not in a database that whoever wrote the row could have written as well.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewDelegation {
    from: Name,
    to: Name,
    resource: Name,
    scopes: ScopeSet,
    expires_at: Option<u64>,
    max_lifetime: Option<u64>,
    #[serde(default)]
    max_depth: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from_session: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to_session: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signature: Option<EdgeSignature>,
}

pub(super) async fn create<A: Authority>(
    State(api): State<Api<A>>,
    InZone(zone): InZone,
    IdempotencyKey(key): IdempotencyKey,
    Body(new): Body<NewDelegation>,
) -> Result<Made<Delegation>, ApiError> {
    let now = api.clock.unix_ms().div_euclid(1000);
    if new.expires_at.is_some_and(|second| second <= now) {
        return Err(ApiError::invalid(
            "expires_at is not in the future: give a later Unix second, or leave it out",
        ));
    }
    let id = match (&new.id, &new.signature) {
        (None, None) => new_id(Kind::Delegation, &zone, key.as_deref(), &new, &*api.random)?,
        (Some(id), Some(_)) => id.clone(),
        _ => {
            return Err(ApiError::invalid(
                "id and signature go together: the signature is over the id; send what `caracal delegation sign` prints",
            ));
        }
    };
    let NewDelegation {
        id: _,
        from,
        to,
        resource,
        scopes,
        expires_at,
        max_lifetime,
        max_depth,
        from_session,
        to_session,
        signature,
    } = new;
    let delegation = Delegation {
        id,
        from,
        to,
        resource,
        scopes,
        expires_at,
        max_lifetime,
        max_depth,
        from_session,
        to_session,
        signature,
    };
    let change = Change::DelegationCreated(delegation.clone());
    let committed = api.change(&zone, change, key).await?;
    Ok(Made::new(delegation, committed))
}

pub(super) async fn list<A: Authority>(
    State(api): State<Api<A>>,
    InZone(zone): InZone,
) -> Result<Json<Items<Revocable<Delegation>>>, ApiError> {
    api.require_zone(&zone).await?;
    let items = api.store.delegations(&zone).await;
    Ok(Json(Items {
        items: items.map_err(ApiError::read)?,
    }))
}
