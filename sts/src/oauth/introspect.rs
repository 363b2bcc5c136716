//! `POST /zones/{zone}/introspect`: RFC 7662.
//!
//! Whoever is authenticated in the zone may ask, its enforcement points too: what is in a mandate
//! can be read by whoever holds it, so the answer adds whether it holds now. What does not hold is
//! told apart by nothing.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, PRAGMA};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use caracal_mandate::claims::{Actor, Claims, Confirmation, MandateUse, MayAct};
use caracal_mandate::name::Name;
use caracal_mandate::reason::Reason;
use caracal_mandate::verify::{Trust, VerifiedMandate, verify};
use serde::Serialize;

use super::client::authenticate;
use super::error::OAuthError;
use super::form::{Endpoint, Parameter};
use super::{body, token};
use crate::http::Peer;
use crate::keys::Es256;
use crate::service::Service;

#[derive(Serialize)]
struct Inactive {
    #[serde(rename = "active")]
    holds: bool,
}

/// RFC 7662 §2.2, RFC 8693 §4, RFC 7800 §3.
#[derive(Serialize)]
struct Active<'a> {
    #[serde(rename = "active")]
    holds: bool,
    scope: &'a str,
    client_id: &'a Name,
    token_type: &'static str,
    exp: u64,
    iat: u64,
    sub: &'a str,
    aud: &'a str,
    iss: &'a str,
    jti: &'a str,
    cnf: &'a Confirmation,
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<&'a Actor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    may_act: Option<&'a MayAct>,
    #[serde(rename = "use")]
    usage: MandateUse,
}

pub(super) async fn introspect(
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
        Ok(response) => response,
        Err(error) => error.into_response(),
    }
}

async fn answer(
    service: &Service,
    zone: &Name,
    peer: &Peer,
    request: Request,
) -> Result<Response, OAuthError> {
    let (parts, body) = request.into_parts();
    let form = body::form(&parts, body, Endpoint::About).await?;
    let token = form.need(Parameter::Token)?;
    authenticate(service, zone, peer, &parts.headers, &form).await?;
    let held = holding(service, zone, token)?;
    let headers = [(CACHE_CONTROL, "no-store"), (PRAGMA, "no-cache")];
    Ok(match &held {
        Some(mandate) => (headers, Json(active(mandate.claims()))).into_response(),
        None => (headers, Json(Inactive { holds: false })).into_response(),
    })
}

fn active(claims: &Claims) -> Active<'_> {
    Active {
        holds: true,
        scope: &claims.scope,
        client_id: &claims.client_id,
        token_type: match claims.usage {
            MandateUse::Execute => "Bearer",
            MandateUse::Delegate => "N_A",
        },
        exp: claims.exp,
        iat: claims.iat,
        sub: &claims.sub,
        aud: claims.aud.as_str(),
        iss: &claims.iss,
        jti: &claims.jti,
        cnf: &claims.cnf,
        act: claims.act.as_ref(),
        may_act: claims.may_act.as_ref(),
        usage: claims.usage,
    }
}

/// The mandate, if it is one of the zone.
pub(super) fn of_zone(service: &Service, zone: &Name, token: &str) -> Option<VerifiedMandate> {
    let (zone, keys) = {
        let state = service.authority.read();
        let zone = state.zone(zone)?;
        (Arc::clone(&zone.zone), Arc::clone(zone.keys.verifying()))
    };
    let trust = Trust {
        zone: &zone.name,
        issuer: &zone.issuer,
        keys: &keys,
        delegators: None,
    };
    verify(token.as_bytes(), trust, &Es256).ok()
}

/// The mandate, if it holds now. On a state that is not confirmed nobody knows.
fn holding(
    service: &Service,
    zone: &Name,
    token: &str,
) -> Result<Option<VerifiedMandate>, OAuthError> {
    let Some(mandate) = of_zone(service, zone, token) else {
        return Ok(None);
    };
    let now_s = service.clock.unix_ms() / 1000;
    let state = service.authority.read();
    if !service.is_fresh() {
        return Err(Reason::IssuerUnavailable.into());
    }
    let holds = state
        .zone(zone)
        .is_some_and(|zone| mandate.holds(now_s, &zone.revocations).is_ok());
    drop(state);
    Ok(holds.then_some(mandate))
}
