//! `POST /zones/{zone}/session/heartbeat`: a workload keeps the session alive that was declared for it with a
//! lease. Of our own; client authentication and errors are those of the token endpoint.
//!
//! A heartbeat decides nothing and is not recorded: what was decided is the session's terms, and what it
//! leads to are exchanges, which are.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use caracal_mandate::name::Name;
use caracal_mandate::reason::Reason;
use caracal_store::HeartbeatError;
use serde::Serialize;

use super::client::{Requester, authenticate};
use super::error::OAuthError;
use super::form::{Endpoint, Parameter};
use super::{body, token};
use crate::exchange::Client;
use crate::http::Peer;
use crate::service::Service;

/// What a heartbeat is answered.
#[derive(Serialize)]
struct Alive {
    /// Seconds within which the next one has to come.
    expires_in: u64,
    /// The fencing number: of two executions of a workload the later has the greater one.
    fence: u64,
}

pub(super) async fn heartbeat(
    State(service): State<Arc<Service>>,
    Path(zone): Path<String>,
    peer: Option<Extension<Peer>>,
    request: Request,
) -> Response {
    let Some(zone) = token::known(&service, &zone) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let peer = peer.map(|Extension(peer)| peer).unwrap_or_default();
    match answer(&service, &zone, &peer, request).await {
        Ok(alive) => ([(CACHE_CONTROL, "no-store")], Json(alive)).into_response(),
        Err(error) => error.into_response(),
    }
}

async fn answer(
    service: &Service,
    zone: &Name,
    peer: &Peer,
    request: Request,
) -> Result<Alive, OAuthError> {
    let (parts, body) = request.into_parts();
    let form = body::form(&parts, body, Endpoint::Session).await?;
    let session = form.need(Parameter::Session)?;
    let requester = authenticate(service, zone, peer, &parts.headers, &form).await?;
    let Requester::Client(client) = requester else {
        return Err(Reason::ClientUnbound.into());
    };
    if !is_its_own(service, zone, &client, session) {
        // Whether there is such a session is nobody else's business.
        return Err(Reason::HolderMismatch.into());
    }
    let now_ms = service.clock.unix_ms();
    let beat = service.store.heartbeat(zone, session, now_ms).await;
    let beat = beat.map_err(|error| {
        OAuthError::from(match error {
            HeartbeatError::NotFound(_) | HeartbeatError::Unleased(_) => Reason::HolderMismatch,
            HeartbeatError::Ended(_) | HeartbeatError::Expired(_) => Reason::SessionExpired,
            HeartbeatError::Database(_) | HeartbeatError::TimedOut => {
                tracing::error!(%error, %zone, "a heartbeat could not be kept");
                Reason::IssuerUnavailable
            }
        })
    })?;
    Ok(Alive {
        expires_in: beat.until_ms.saturating_sub(now_ms).div_euclid(1000),
        fence: beat.fence,
    })
}

fn is_its_own(service: &Service, zone: &Name, client: &Client, session: &str) -> bool {
    let state = service.authority.read();
    let sessions = state.zone(zone).map(|zone| &zone.sessions);
    let workload = client.workload();
    sessions.zip(workload).is_some_and(|(sessions, workload)| {
        sessions.is_of(session, client.application(), workload.as_str())
    })
}
