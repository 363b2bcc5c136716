//! The OAuth face of the service, for clients that are not behind Envoy.
//!
//! ```text
//! POST /zones/{zone}/token        RFC 6749 client_credentials, RFC 8693 token exchange
//! POST /zones/{zone}/introspect   RFC 7662
//! POST /zones/{zone}/revoke       RFC 7009
//! POST /zones/{zone}/session/heartbeat               for sessions with a lease
//! GET  /.well-known/oauth-authorization-server/...   RFC 8414, and where OpenID Connect looks
//! GET  /.well-known/oauth-protected-resource...      RFC 9728
//! ```
//!
//! A request is read in exactly one way ([`form`]), its client proves who it is in exactly one way
//! ([`client`]), and then [`crate::exchange`] decides as it does for Envoy. Nothing is decided here.

mod body;
mod client;
mod error;
mod form;
mod heartbeat;
mod introspect;
#[cfg(any(test, fuzzing))]
pub(crate) mod law;
mod metadata;
mod request;
mod resource;
mod revoke;
mod token;

use std::sync::Arc;

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::{get, post};

use crate::service::Service;
use crate::telemetry::Trace;

/// Longest `x-request-id` that is taken.
const MAX_REQUEST_ID: usize = 128;

pub(crate) fn router() -> Router<Arc<Service>> {
    Router::new()
        .route("/zones/{zone}/token", post(token::token))
        .route("/zones/{zone}/introspect", post(introspect::introspect))
        .route("/zones/{zone}/revoke", post(revoke::revoke))
        .route(
            "/zones/{zone}/session/heartbeat",
            post(heartbeat::heartbeat),
        )
        // RFC 8414 §3.1: the well-known part goes in front of the issuer's path.
        .route(
            "/.well-known/oauth-authorization-server",
            get(metadata::of_host),
        )
        .route(
            "/.well-known/oauth-authorization-server/{*path}",
            get(metadata::of_path),
        )
        // Where clients of OpenID Connect look, before and after the path (RFC 8414 §5).
        .route(
            "/.well-known/openid-configuration/{*path}",
            get(metadata::of_path),
        )
        .route(
            "/zones/{zone}/.well-known/openid-configuration",
            get(metadata::of_zone),
        )
        .route("/.well-known/oauth-protected-resource", get(resource::root))
        .route(
            "/.well-known/oauth-protected-resource/{*path}",
            get(resource::at_path),
        )
        .route(
            "/zones/{zone}/resources/{resource}/oauth-protected-resource",
            get(resource::by_name),
        )
}

/// The span of a request, when tracing is on.
fn traced(service: &Service, name: &'static str, headers: &HeaderMap) -> Option<Trace> {
    service.telemetry.begin(name, || {
        let mut values = headers.get_all("traceparent").iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return None;
        };
        value.to_str().ok()
    })
}

/// `x-request-id`, if there is one, and it is fit to be written down.
fn request_id(headers: &HeaderMap) -> &str {
    let mut values = headers.get_all("x-request-id").iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return "";
    };
    let text = value.to_str().unwrap_or_default();
    if text.len() <= MAX_REQUEST_ID {
        text
    } else {
        ""
    }
}
