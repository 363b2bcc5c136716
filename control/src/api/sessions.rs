//! Sessions.

use std::collections::HashSet;

use axum::Json;
use axum::extract::State;
use caracal_mandate::name::Name;
use caracal_mandate::spiffe::SpiffeId;
use caracal_store::model::{Labels, Session, SessionState, SessionTerms};
use caracal_store::{Heartbeat, TrackedSession};
use serde::{Deserialize, Serialize};

use super::change::{Items, Made};
use super::error::ApiError;
use super::extract::{Body, IdempotencyKey, InSession, InZone};
use super::id::{Kind, new_id};
use super::{Api, Authority};

/// What a caller says of a session.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSession {
    application: Name,
    holder: SpiffeId,
    parent: Option<String>,
    expires_at: Option<u64>,
    lease_s: Option<u32>,
    #[serde(default)]
    labels: Labels,
    /// Whether the session that the workload is in ends for it. Otherwise there must be none.
    #[serde(default)]
    take_over: bool,
}

pub(super) async fn declare<A: Authority>(
    State(api): State<Api<A>>,
    InZone(zone): InZone,
    IdempotencyKey(key): IdempotencyKey,
    Body(new): Body<NewSession>,
) -> Result<Made<Session>, ApiError> {
    let id = new_id(Kind::Session, &zone, key.as_deref(), &new, &*api.random)?;
    let NewSession {
        application,
        holder,
        parent,
        expires_at,
        lease_s,
        labels,
        take_over,
    } = new;
    let session = Session {
        id,
        application,
        holder,
        opened_at: api.clock.unix_ms().div_euclid(1000),
        parent,
        terms: Some(SessionTerms {
            expires_at,
            lease_s,
            labels,
        }),
    };
    let committed = api.declare(&zone, session.clone(), take_over, key).await?;
    Ok(Made::new(session, committed))
}

/// The answer to a heartbeat.
#[derive(Serialize)]
pub(super) struct Alive {
    /// Unix milliseconds by which the next one has to come.
    until_ms: u64,
    /// Of two executions of a workload the later has the greater one.
    fence: u64,
}

pub(super) async fn heartbeat<A: Authority>(
    State(api): State<Api<A>>,
    InSession { zone, session }: InSession,
) -> Result<Json<Alive>, ApiError> {
    let beat = api.store.heartbeat(&zone, &session, api.clock.unix_ms());
    let Heartbeat { until_ms, fence } = beat.await.map_err(ApiError::heartbeat)?;
    Ok(Json(Alive { until_ms, fence }))
}

/// A session as it is listed.
#[derive(Serialize)]
pub(super) struct Seen {
    #[serde(flatten)]
    session: TrackedSession,
    /// By itself, whatever that of those above it is.
    state: SessionState,
}

pub(super) async fn list<A: Authority>(
    State(api): State<Api<A>>,
    InZone(zone): InZone,
) -> Result<Json<Items<Seen>>, ApiError> {
    api.require_zone(&zone).await?;
    let sessions = api.store.sessions(&zone).await.map_err(ApiError::read)?;
    let suspended = api.store.suspensions(&zone).await.map_err(ApiError::read)?;
    let suspended: HashSet<String> = suspended
        .into_iter()
        .map(|one| one.item.target.to_string())
        .collect();
    let now_ms = api.clock.unix_ms();
    let seen = sessions.into_iter().map(|session| {
        let Session {
            id, application, ..
        } = &session.item;
        let names = [
            format!("session/{id}"),
            format!("application/{application}"),
        ];
        let is_suspended = names.iter().any(|name| suspended.contains(name));
        Seen {
            state: session.state(now_ms, is_suspended),
            session,
        }
    });
    Ok(Json(Items {
        items: seen.collect(),
    }))
}
