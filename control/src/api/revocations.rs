//! Revocations, and the proof that they are in force.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use caracal_mandate::name::Name;
use caracal_store::Listed;
use caracal_store::model::{MAX_LEASE_MS, RevocationRecord, RevocationTarget};
use caracal_sts::AckReport;
use serde::{Deserialize, Serialize};

use super::change::{Items, Made};
use super::error::ApiError;
use super::extract::{Body, IdempotencyKey, InZone};
use super::{Api, Authority};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRevocation {
    target: String,
    #[serde(default)]
    wait: bool,
}

/// The answer: when it was committed and, if asked for, who has applied it.
#[derive(Serialize)]
pub(super) struct Revoked {
    target: String,
    committed_at_ms: u64,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    acknowledgements: Option<Acknowledgements>,
}

/// Who has applied it. By the bound, the lease of those that have not has run out, so that they
/// refuse everything.
#[derive(Serialize)]
struct Acknowledgements {
    acknowledged: usize,
    expected: usize,
    silent: Vec<String>,
    waited_ms: u64,
    bound_ms: u64,
}

impl From<AckReport> for Acknowledgements {
    fn from(report: AckReport) -> Self {
        let AckReport {
            acked,
            expected,
            silent,
            waited_ms,
            bound_ms,
        } = report;
        Self {
            acknowledged: acked,
            expected,
            silent,
            waited_ms,
            bound_ms,
        }
    }
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
    let committed_at_ms = api.clock.unix_ms();
    let acknowledgements = if wait {
        let bound = bound(&api, &zone).await;
        Some(
            api.authority
                .wait_applied(&zone, committed.seq, bound)
                .await
                .into(),
        )
    } else {
        None
    };
    Ok(Made::new(
        Revoked {
            target,
            committed_at_ms,
            acknowledgements,
        },
        committed,
    ))
}

/// After the longest lease of any point of the zone, whoever has not answered refuses everything.
async fn bound<A: Authority>(api: &Api<A>, zone: &Name) -> Duration {
    let points = api.authority.points().await;
    if !points.complete {
        // What is not known has the longest lease that there is.
        return Duration::from_millis(MAX_LEASE_MS);
    }
    let points = points.items.into_iter().filter(|point| point.zone == *zone);
    points
        .map(|point| Duration::from_millis(point.lease_ms))
        .fold(api.lease, Duration::max)
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
