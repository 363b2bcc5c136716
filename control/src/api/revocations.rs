//! Revocations, and the proof that they are in force.

use axum::Json;
use axum::extract::State;
use caracal_mandate::name::Name;
use caracal_store::model::{RevocationRecord, RevocationTarget};
use caracal_store::{Committed, Listed};
use serde::{Deserialize, Serialize};

use super::acknowledged::Acknowledgements;
use super::change::{Items, Made};
use super::error::ApiError;
use super::extract::{Body, IdempotencyKey, InZone};
use super::{Api, Authority};

/// What is to end, for good or until it is resumed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRevocation {
    pub(super) target: String,
    #[serde(default)]
    pub(super) wait: bool,
}

/// The answer: when it was committed and, if asked for, who has applied it.
#[derive(Serialize)]
pub(super) struct Revoked {
    target: String,
    committed_at_ms: u64,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    acknowledgements: Option<Acknowledgements>,
}

pub(super) async fn create<A: Authority>(
    State(api): State<Api<A>>,
    InZone(zone): InZone,
    IdempotencyKey(key): IdempotencyKey,
    Body(NewRevocation { target, wait }): Body<NewRevocation>,
) -> Result<Made<Revoked>, ApiError> {
    let parsed: RevocationTarget = target
        .parse()
        .map_err(|error| ApiError::invalid(format!("target: {error}")))?;
    let committed = api.revoke(&zone, parsed, key).await?;
    Ok(Revoked::made(&api, &zone, target, committed, wait).await)
}

impl Revoked {
    /// The answer, when everybody has it or nobody is waited for.
    pub(super) async fn made<A: Authority>(
        api: &Api<A>,
        zone: &Name,
        target: String,
        committed: Committed,
        wait: bool,
    ) -> Made<Self> {
        let committed_at_ms = api.clock.unix_ms();
        let acknowledgements = Acknowledgements::of(api, zone, committed.seq, wait).await;
        let answer = Self {
            target,
            committed_at_ms,
            acknowledgements,
        };
        Made::new(answer, committed)
    }
}

pub(super) async fn list<A: Authority>(
    State(api): State<Api<A>>,
    InZone(zone): InZone,
) -> Result<Json<Items<Listed<RevocationRecord>>>, ApiError> {
    api.require_zone(&zone).await?;
    Ok(Json(Items {
        items: api.store.revocations(&zone).await.map_err(ApiError::read)?,
    }))
}
