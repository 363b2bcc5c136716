//! Authorization server metadata: RFC 8414.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, HOST};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use caracal_mandate::scope::Scope;
use caracal_store::model::Zone;
use serde::Serialize;

use super::request::{CLIENT_CREDENTIALS, TOKEN_EXCHANGE};
use crate::authority::ZoneState;
use crate::exchange::Method;
use crate::service::Service;

/// Registered methods; a service account's token is a `client_assertion` like any other.
const METHODS: [&str; 4] = [
    Method::SecretBasic.as_str(),
    Method::SecretPost.as_str(),
    Method::PrivateKeyJwt.as_str(),
    Method::Certificate.as_str(),
];

/// Algorithms of client assertions.
const ALGORITHMS: [&str; 4] = ["ES256", "RS256", "PS256", "EdDSA"];

/// RFC 8414 §2. Written by hand and not as the types of a library: every member is a promise.
#[derive(Serialize)]
struct Metadata<'a> {
    issuer: &'a str,
    token_endpoint: String,
    token_endpoint_auth_methods_supported: [&'static str; 4],
    token_endpoint_auth_signing_alg_values_supported: [&'static str; 4],
    jwks_uri: String,
    introspection_endpoint: String,
    introspection_endpoint_auth_methods_supported: [&'static str; 4],
    introspection_endpoint_auth_signing_alg_values_supported: [&'static str; 4],
    revocation_endpoint: String,
    revocation_endpoint_auth_methods_supported: [&'static str; 4],
    revocation_endpoint_auth_signing_alg_values_supported: [&'static str; 4],
    grant_types_supported: [&'static str; 2],
    /// REQUIRED, and empty: there is no authorization endpoint.
    response_types_supported: [&'static str; 0],
    /// RFC 8414 §3.2: what is optional and has no values is left out.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    scopes_supported: BTreeSet<&'a str>,
    /// RFC 9728 §4.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    protected_resources: BTreeSet<&'a str>,
}

/// Where the endpoints of a zone are: below its issuer, if that ends as our paths do (which leaves
/// room for a prefix that a proxy takes off), and below the issuer's origin otherwise.
pub(crate) fn base(zone: &Zone) -> String {
    let path = format!("/zones/{}", zone.name);
    if zone.issuer.ends_with(&path) {
        return zone.issuer.clone();
    }
    let (origin, _path) = split(&zone.issuer);
    format!("{origin}{path}")
}

/// The origin and the path of a URL.
pub(super) fn split(url: &str) -> (&str, &str) {
    let after_scheme = url.find("://").map_or(0, |at| at.saturating_add(3));
    let rest = url.get(after_scheme..).unwrap_or_default();
    let end = rest
        .find('/')
        .map_or(url.len(), |at| after_scheme.saturating_add(at));
    url.split_at_checked(end).unwrap_or((url, ""))
}

/// `/.well-known/oauth-authorization-server/PATH`: the issuer's path after the well-known part.
pub(super) async fn of_path(
    State(service): State<Arc<Service>>,
    Path(path): Path<String>,
    headers: HeaderMap,
) -> Response {
    of_issuer(&service, &format!("/{path}"), &headers)
}

/// The same for an issuer without a path.
pub(super) async fn of_host(State(service): State<Arc<Service>>, headers: HeaderMap) -> Response {
    of_issuer(&service, "", &headers)
}

/// `/zones/ZONE/.well-known/openid-configuration`: after the issuer's path.
pub(super) async fn of_zone(
    State(service): State<Arc<Service>>,
    Path(zone): Path<String>,
    headers: HeaderMap,
) -> Response {
    of_issuer(&service, &format!("/zones/{zone}"), &headers)
}

fn of_issuer(service: &Service, path: &str, headers: &HeaderMap) -> Response {
    let state = service.authority.read();
    let matches = |zone: &&ZoneState| {
        let (_origin, own) = split(&zone.zone.issuer);
        own.trim_end_matches('/') == path
    };
    let mut zones = state.zones().filter(matches);
    let found = match (zones.next(), zones.next()) {
        (Some(only), None) => Some(only),
        (None, _) => None,
        // Issuers that differ by their host only.
        (Some(_), Some(_)) => state
            .zones()
            .filter(matches)
            .find(|zone| is_at(zone, headers)),
    };
    match found {
        Some(zone) => document(zone),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn is_at(zone: &ZoneState, headers: &HeaderMap) -> bool {
    let (origin, _path) = split(&zone.zone.issuer);
    let authority = origin
        .split_once("://")
        .map_or("", |(_, authority)| authority);
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    host.is_some_and(|host| host.eq_ignore_ascii_case(authority))
}

fn document(zone: &ZoneState) -> Response {
    let base = base(&zone.zone);
    let operations = zone.catalog.resources().flat_map(|one| &one.operations);
    let scopes = operations.flat_map(|operation| operation.scopes.iter());
    let document = Metadata {
        issuer: &zone.zone.issuer,
        token_endpoint: format!("{base}/token"),
        token_endpoint_auth_methods_supported: METHODS,
        token_endpoint_auth_signing_alg_values_supported: ALGORITHMS,
        jwks_uri: format!("{base}/jwks.json"),
        introspection_endpoint: format!("{base}/introspect"),
        introspection_endpoint_auth_methods_supported: METHODS,
        introspection_endpoint_auth_signing_alg_values_supported: ALGORITHMS,
        revocation_endpoint: format!("{base}/revoke"),
        revocation_endpoint_auth_methods_supported: METHODS,
        revocation_endpoint_auth_signing_alg_values_supported: ALGORITHMS,
        grant_types_supported: [TOKEN_EXCHANGE, CLIENT_CREDENTIALS],
        response_types_supported: [],
        scopes_supported: scopes.map(Scope::as_str).collect(),
        protected_resources: zone
            .catalog
            .resources()
            .map(|one| one.uri.as_str())
            .collect(),
    };
    ([(CACHE_CONTROL, "public, max-age=300")], Json(document)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_below_the_issuer_or_its_origin() {
        for (issuer, expected) in [
            (
                "https://sts.example/zones/acme",
                "https://sts.example/zones/acme",
            ),
            (
                "https://h.example/auth/zones/acme",
                "https://h.example/auth/zones/acme",
            ),
            (
                "https://sts.example/payments",
                "https://sts.example/zones/acme",
            ),
            (
                "https://sts.example:8443",
                "https://sts.example:8443/zones/acme",
            ),
        ] {
            let zone = Zone {
                name: "acme".parse().unwrap(),
                issuer: issuer.to_owned(),
            };
            assert_eq!(base(&zone), expected);
        }
    }

    #[test]
    fn a_url_is_split_where_its_path_begins() {
        for (url, parts) in [
            ("https://a.example", ("https://a.example", "")),
            ("https://a.example/", ("https://a.example", "/")),
            ("https://a.example:1/b/c", ("https://a.example:1", "/b/c")),
        ] {
            assert_eq!(split(url), parts);
        }
    }
}
