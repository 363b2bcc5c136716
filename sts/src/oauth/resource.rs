//! Protected resource metadata: RFC 9728.
//!
//! A client asks the resource itself (`https://RESOURCE/.well-known/oauth-protected-resource`), so
//! the mesh leads that path here with the host unchanged; the host and the path then name the
//! resource. For whoever asks this service directly there is a path with zone and name.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, HOST};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use caracal_mandate::catalog::Resource;
use caracal_mandate::name::Name;
use caracal_mandate::scope::Scope;
use serde::Serialize;

use super::metadata::split;
use crate::authority::ZoneState;
use crate::service::Service;

/// RFC 9728 §2.
#[derive(Serialize)]
struct Metadata<'a> {
    resource: &'a str,
    authorization_servers: [&'a str; 1],
    /// §3.2: what has no values is left out.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    scopes_supported: BTreeSet<&'a str>,
    bearer_methods_supported: [&'static str; 1],
    resource_name: &'a Name,
}

/// `/.well-known/oauth-protected-resource`, for a resource without a path.
pub(super) async fn root(State(service): State<Arc<Service>>, headers: HeaderMap) -> Response {
    at(&service, &headers, "")
}

/// `/.well-known/oauth-protected-resource/PATH`.
pub(super) async fn at_path(
    State(service): State<Arc<Service>>,
    Path(path): Path<String>,
    headers: HeaderMap,
) -> Response {
    at(&service, &headers, &format!("/{path}"))
}

fn at(service: &Service, headers: &HeaderMap, path: &str) -> Response {
    let state = service.authority.read();
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let is_asked = |resource: &&Resource| {
        let (origin, own) = split(resource.uri.as_str());
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        own == path && host.is_some() && host == authority
    };
    let mut found = state.zones().filter_map(|zone| {
        let resource = zone.catalog.resources().find(is_asked)?;
        Some((zone, resource))
    });
    // The same identifier in two zones has two answers, and so none.
    match (found.next(), found.next()) {
        (Some((zone, resource)), None) => document(zone, resource),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// `/zones/ZONE/resources/NAME/oauth-protected-resource`.
pub(super) async fn by_name(
    State(service): State<Arc<Service>>,
    Path((zone, resource)): Path<(String, String)>,
) -> Response {
    let (Ok(zone), Ok(resource)) = (zone.parse::<Name>(), resource.parse::<Name>()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let state = service.authority.read();
    let found = state
        .zone(&zone)
        .and_then(|zone| Some((zone, zone.catalog.by_name(&resource)?)));
    match found {
        Some((zone, entry)) => document(zone, &entry.resource),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn document(zone: &ZoneState, resource: &Resource) -> Response {
    let scopes = resource.operations.iter().flat_map(|one| one.scopes.iter());
    let document = Metadata {
        resource: resource.uri.as_str(),
        authorization_servers: [&zone.zone.issuer],
        scopes_supported: scopes.map(Scope::as_str).collect(),
        bearer_methods_supported: ["header"],
        resource_name: &resource.name,
    };
    ([(CACHE_CONTROL, "public, max-age=300")], Json(document)).into_response()
}
