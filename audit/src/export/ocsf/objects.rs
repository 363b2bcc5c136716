//! The objects that events are made of.

use std::net::IpAddr;

use caracal_mandate::event::{Event, Outcome};
use serde_json::Value;

use super::super::columns::action_text;
use super::attributes::Attributes;
use super::change::Change;
use crate::record::outcome_text;

/// Methods that the schema knows.
const METHODS: [&str; 9] = [
    "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE",
];
const UNKNOWN: &str = "unknown";

/// The application: a service account, and the workload that it runs as.
pub(super) fn user(event: &Event) -> Value {
    let known = Attributes::new()
        .maybe("name", event.application.clone())
        .maybe("uid", event.holder.clone());
    if known.is_empty() {
        let unknown = Attributes::new().with("name", UNKNOWN);
        return unknown.with("type_id", 0).with("type", "Unknown").into();
    }
    known.with("type_id", 4).with("type", "Service").into()
}

pub(super) fn actor(event: &Event) -> Value {
    Attributes::new()
        .maybe("app_name", event.application.clone())
        .with("user", user(event))
        .maybe("session", session(event))
        .into()
}

/// The session, and the mandate as its credential.
pub(super) fn session(event: &Event) -> Option<Value> {
    let session = Attributes::new()
        .maybe("uid", event.session.clone())
        .maybe("credential_uid", event.mandate.clone());
    (!session.is_empty()).then(|| session.into())
}

/// The peer, by its workload identity: an enforcement point is told no more of it.
pub(super) fn source(event: &Event) -> Value {
    let known = Attributes::new()
        .maybe("uid", event.holder.clone())
        .maybe("svc_name", event.application.clone());
    if known.is_empty() {
        Attributes::new().with("name", UNKNOWN).into()
    } else {
        known.into()
    }
}

/// The host that the request was for.
pub(super) fn destination(event: &Event) -> Option<Value> {
    let (host, port) = host_and_port(event.host.as_deref()?);
    let name = if host.parse::<IpAddr>().is_ok() {
        "ip"
    } else {
        "hostname"
    };
    let endpoint = Attributes::new().with(name, host);
    Some(endpoint.maybe("port", port).into())
}

fn host_and_port(host: &str) -> (&str, Option<u16>) {
    let bare = |host: &'_ str| host.starts_with('[') && host.ends_with(']');
    let split = host
        .rsplit_once(':')
        .filter(|(name, _)| !name.contains(':') || bare(name))
        .and_then(|(name, port)| Some((name, port.parse().ok()?)));
    let (name, port) = split.map_or((host, None), |(name, port)| (name, Some(port)));
    (name.trim_start_matches('[').trim_end_matches(']'), port)
}

pub(super) fn api(event: &Event) -> Value {
    let operation = event.operation.as_deref().or(event.method.as_deref());
    let service = event.resource.clone();
    let service = service.map(|resource| Attributes::new().with("uid", resource));
    let request = event.request_id.clone();
    let request = request.map(|id| Attributes::new().with("uid", id));
    Attributes::new()
        .with("operation", operation.unwrap_or(action_text(event.action)))
        .maybe("service", service)
        .maybe("request", request)
        .maybe("response", response(event))
        .into()
}

/// What the service answered, or the enforcement point in its place.
fn response(event: &Event) -> Option<Value> {
    if let Some(status) = event.status {
        return Some(Attributes::new().with("code", status.get()).into());
    }
    let refused = event.outcome == Outcome::Deny && !event.shadow;
    let reason = event.reason.filter(|_| refused)?;
    let response = Attributes::new()
        .with("code", reason.error_code().http_status())
        .with("error", reason.as_str())
        .with("error_message", reason.sentence());
    Some(response.into())
}

pub(super) fn http_request(event: &Event) -> Option<Value> {
    let method = event.method.clone();
    let method = method.filter(|method| METHODS.contains(&method.as_str()));
    let request = Attributes::new()
        .maybe("http_method", method)
        .maybe("url", url(event))
        .maybe("uid", event.request_id.clone());
    (!request.is_empty()).then(|| request.into())
}

fn url(event: &Event) -> Option<Value> {
    let path = Attributes::new().with("path", event.path.clone()?);
    let host = event.host.as_deref().map(host_and_port);
    let url = path
        .maybe("hostname", host.map(|(host, _)| host))
        .maybe("port", host.and_then(|(_, port)| port));
    Some(url.into())
}

pub(super) fn resource(event: &Event) -> Option<Value> {
    let resource = Attributes::new().with("uid", event.resource.clone()?);
    let resource = resource.with("type", "resource");
    Some(resource.with("role_id", 1).with("role", "Target").into())
}

/// What somebody wanted to be let in to.
pub(super) fn service(event: &Event) -> Value {
    match event.resource.clone() {
        Some(resource) => Attributes::new().with("uid", resource),
        None => Attributes::new().with("name", "token service"),
    }
    .into()
}

/// The scopes.
pub(super) fn privileges(event: &Event) -> Vec<Value> {
    let scope = event.scope.as_deref().unwrap_or_default();
    scope.split_whitespace().map(Value::from).collect()
}

/// The policy version that was evaluated.
pub(super) fn policy(event: &Event) -> Option<Value> {
    let digest = event.policy.clone()?;
    Some(Attributes::new().with("uid", digest).into())
}

/// The decision, which in shadow is another one than what happened.
pub(super) fn authorization(event: &Event) -> Value {
    let decision = Attributes::new().with("decision", outcome_text(event.outcome));
    decision.maybe("policy", policy(event)).into()
}

/// What was changed.
pub(super) fn entity(event: &Event) -> Value {
    let detail = event.detail.as_deref().unwrap_or_default();
    let Change { kind, name, .. } = Change::read(detail);
    let (type_id, shown) = if kind == "policy" {
        (5, "Policy".to_owned())
    } else {
        (99, kind.clone())
    };
    let entity = match name {
        Some(name) => Attributes::new().with("uid", name),
        None => Attributes::new().with("name", kind),
    };
    let entity = entity.with("type_id", type_id).with("type", shown);
    // The schema's own type has an object of its own.
    let policy = name.filter(|_| type_id == 5);
    entity
        .maybe(
            "policy",
            policy.map(|uid| Attributes::new().with("uid", uid)),
        )
        .into()
}
