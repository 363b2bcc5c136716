//! HTTP: the token endpoint and its kin, public keys, health.

mod serve;

use std::net::IpAddr;
use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use caracal_mandate::key::PublicKey;
use caracal_mandate::name::Name;
use caracal_mandate::spiffe::SpiffeId;
use serde::Serialize;

use crate::metrics::CONTENT_TYPE as OPENMETRICS;
use crate::service::Service;

pub use serve::HttpServeError;
pub(crate) use serve::serve;

/// The other end of a connection, as the connection itself shows it. No header has a say in this.
#[derive(Debug, Clone, Default)]
pub(crate) struct Peer {
    address: Option<IpAddr>,
    spiffe_id: Option<SpiffeId>,
}

impl Peer {
    /// Where it connects from.
    pub(crate) const fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// Who its verified certificate says it is, if it has one.
    pub(crate) const fn spiffe_id(&self) -> Option<&SpiffeId> {
        self.spiffe_id.as_ref()
    }
}

/// One key (RFC 7517 §4, RFC 7518 §6.2.1).
#[derive(Serialize)]
struct Jwk {
    alg: &'static str,
    crv: &'static str,
    kid: String,
    kty: &'static str,
    #[serde(rename = "use")]
    usage: &'static str,
    x: String,
    y: String,
}

/// A set of keys (RFC 7517 §5).
#[derive(Serialize)]
struct JwkSet {
    keys: Vec<Jwk>,
}

pub(crate) fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route("/zones/{zone}/jwks.json", get(jwks))
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .merge(crate::oauth::router())
        .with_state(service)
}

pub(crate) fn metrics_router(service: Arc<Service>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .with_state(service)
}

async fn metrics(State(service): State<Arc<Service>>) -> Response {
    match service.metrics.render(&service) {
        Ok(text) => ([(CONTENT_TYPE, OPENMETRICS)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn jwks(State(service): State<Arc<Service>>, Path(zone): Path<String>) -> Response {
    let keys = zone.parse::<Name>().ok().and_then(|name| {
        service
            .authority
            .read()
            .zone(&name)
            .map(|zone| Arc::clone(zone.keys.verifying()))
    });
    let Some(keys) = keys else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let mut keys: Vec<Jwk> = keys.iter().map(jwk).collect();
    keys.sort_unstable_by(|a, b| a.kid.cmp(&b.kid));
    // Short, because a verifier that meets an unknown kid should soon find it here.
    (
        [(CACHE_CONTROL, "public, max-age=60")],
        Json(JwkSet { keys }),
    )
        .into_response()
}

fn jwk(key: &PublicKey) -> Jwk {
    let (x, y) = key.coordinates();
    Jwk {
        alg: "ES256",
        crv: "P-256",
        kid: key.kid().to_owned(),
        kty: "EC",
        usage: "sig",
        x,
        y,
    }
}

async fn ready(State(service): State<Arc<Service>>) -> Response {
    let readiness = service.readiness();
    let status = if readiness.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    // An answer of a moment ago is another answer.
    (status, [(CACHE_CONTROL, "no-store")], Json(readiness)).into_response()
}
