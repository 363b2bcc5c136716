//! `POST /zones/{zone}/token`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::header::{CACHE_CONTROL, PRAGMA};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use caracal_mandate::name::Name;
use caracal_mandate::reason::Reason;
use caracal_store::model::IssuerPurpose;
use serde::Serialize;

use super::client::{Requester, authenticate};
use super::error::OAuthError;
use super::form::{Endpoint, Form};
use super::request::{DELEGATION, Requested, TokenRequest};
use super::{body, request_id};
use crate::exchange::{Issued, SubjectToken};
use crate::http::Peer;
use crate::jwks::Published;
use crate::jwt::Foreign;
use crate::service::Service;
use crate::telemetry;

/// RFC 6749 §5.1, RFC 8693 §2.2.1.
#[derive(Serialize)]
struct Answer<'a> {
    access_token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_token_type: Option<&'static str>,
    token_type: &'static str,
    expires_in: u64,
    scope: &'a str,
}

pub(super) async fn token(
    State(service): State<Arc<Service>>,
    Path(zone): Path<String>,
    peer: Option<Extension<Peer>>,
    request: Request,
) -> Response {
    let Some(zone) = known(&service, &zone) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let peer = peer.map(|Extension(peer)| peer).unwrap_or_default();
    let (parts, body) = request.into_parts();
    let Some(trace) = super::traced(&service, "POST /zones/{zone}/token", &parts.headers) else {
        return answered(&service, &zone, &peer, &parts, body).await;
    };
    trace.set("http.request.method", "POST");
    trace.set("http.route", "/zones/{zone}/token");
    trace.set("caracal.zone", zone.as_str());
    let answering = answered(&service, &zone, &peer, &parts, body);
    let response = Box::pin(trace.scope(answering)).await;
    let status = response.status().as_u16();
    trace.set("http.response.status_code", i64::from(status));
    response
}

async fn answered(
    service: &Service,
    zone: &Name,
    peer: &Peer,
    parts: &Parts,
    body: Body,
) -> Response {
    let form = match body::form(parts, body, Endpoint::Token).await {
        Ok(form) => form,
        Err(error) => return OAuthError::from(error).into_response(),
    };
    match exchange(service, zone, peer, &parts.headers, &form).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    }
}

/// The zone of a path, if there is one.
pub(super) fn known(service: &Service, zone: &str) -> Option<Name> {
    let name: Name = zone.parse().ok()?;
    let state = service.authority.read();
    state.zone(&name).is_some().then_some(name)
}

async fn exchange(
    service: &Service,
    zone: &Name,
    peer: &Peer,
    headers: &HeaderMap,
    form: &Form,
) -> Result<Response, OAuthError> {
    let mut request = TokenRequest::read(form)?;
    let authenticated = {
        let _authenticating = telemetry::child("authenticate client");
        authenticate(service, zone, peer, headers, form).await?
    };
    let client = match authenticated {
        Requester::Client(client) => client,
        // It gets mandates through Envoy, for the workloads that it enforces for.
        Requester::Point => return Err(Reason::ClientUnbound.into()),
    };
    // Behind the proof: nobody else can use up what a client may have.
    let (limits, moment) = (&service.limits, service.clock.monotonic_ms());
    if !limits
        .admit_exchange(zone, client.application(), moment)
        .await
    {
        return Err(OAuthError::busy());
    }
    if let Some(SubjectToken::IdToken(token)) = &mut request.wish.subject {
        // Behind the proof as well: strangers make nobody ask for keys.
        token.published = published(service, zone, token.token).await;
    }
    let issued = service
        .exchange_wish(&client, &request.wish, request_id(headers))
        .await
        .map_err(OAuthError::from)?;
    let now_s = service.clock.unix_ms() / 1000;
    Ok(answer(&issued, request.requested, now_s))
}

/// The keys that the issuer of an ID token publishes, if it does. What is wrong with the token is
/// found where it is verified.
async fn published(service: &Service, zone: &Name, token: &str) -> Option<Published> {
    let foreign = Foreign::parse(token).ok()?;
    let issuer = {
        let state = service.authority.read();
        let zone = state.zone(zone);
        zone.and_then(|zone| zone.issuer(foreign.issuer()).cloned())
    };
    let issuer = issuer.filter(|issuer| issuer.purpose == IssuerPurpose::Human)?;
    // That there are none is left to the decision, which records it.
    let published = service.published(&issuer, foreign.kid()).await;
    published.unwrap_or_default()
}

fn answer(issued: &Issued, requested: Requested, now_s: u64) -> Response {
    let claims = issued.claims();
    let issued_token_type = match requested {
        Requested::Plain => None,
        Requested::Typed(kind) => Some(kind),
    };
    let answer = Answer {
        access_token: issued.token(),
        issued_token_type,
        // RFC 8693 §2.2.1: what is no access token has no way to be presented as one.
        token_type: if issued_token_type == Some(DELEGATION) {
            "N_A"
        } else {
            "Bearer"
        },
        expires_in: claims.exp.saturating_sub(now_s),
        scope: &claims.scope,
    };
    (
        [(CACHE_CONTROL, "no-store"), (PRAGMA, "no-cache")],
        Json(answer),
    )
        .into_response()
}
