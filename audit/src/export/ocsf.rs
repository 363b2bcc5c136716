//! Entries as events of the Open Cybersecurity Schema Framework (<https://schema.ocsf.io/1.8.0>).
//!
//! Each event holds its leaf as `raw_data`, the leaf hash as `metadata.uid` and the index as
//! `metadata.sequence`: whoever has the event in a SIEM has what the proof is about. The table of what
//! becomes what stands in `docs/export.md`.

mod attributes;
mod change;
mod class;
mod objects;
#[cfg(test)]
mod tests;

use caracal_mandate::event::{Action, EndedBy, Event, Outcome};
use caracal_mandate::reason::Reason;
use serde_json::Value;

use super::columns::{action_text, component_text};
use super::writer::Leaf;
use crate::record::{Record, outcome_text};
use attributes::Attributes;
use class::{Class, Kind};

/// Version of the schema that the events are of.
pub(super) const VERSION: &str = "1.8.0";

/// Where the events come from.
#[derive(Debug)]
pub(crate) struct Source {
    origin: String,
}

impl Source {
    /// The log of this name.
    pub(crate) fn new(origin: &str) -> Self {
        let origin = origin.to_owned();
        Self { origin }
    }

    /// The event of an entry. It is a function of nothing else, and the verifier computes it anew.
    pub(crate) fn event(&self, leaf: &Leaf<'_>) -> Value {
        let event = &leaf.record.event;
        let kind = Kind::of(event);
        let base = classification(&kind)
            .with("time", event.time_ms)
            .with("message", message(event))
            .with("metadata", self.metadata(leaf))
            .with("raw_data", String::from_utf8_lossy(leaf.bytes).into_owned())
            .maybe("policy", objects::policy(event))
            .with("authorizations", vec![objects::authorization(event)])
            // Milliseconds here; `unmapped` has what was measured.
            .maybe("duration", event.duration_us.map(|us| us.div_euclid(1000)))
            .with("unmapped", unmapped(leaf.record, kind.class));
        let judged = judgement(base, event);
        match kind.class {
            Class::ApiActivity => judged
                .with("actor", objects::actor(event))
                .with("api", objects::api(event))
                .with("src_endpoint", objects::source(event))
                .maybe("dst_endpoint", objects::destination(event))
                .maybe("http_request", objects::http_request(event))
                .maybe("resources", objects::resource(event).map(|one| vec![one])),
            Class::AuthorizeSession => judged
                .with("user", objects::user(event))
                .maybe("session", objects::session(event))
                .with("privileges", objects::privileges(event))
                .with("src_endpoint", objects::source(event)),
            Class::Authentication => judged
                .with("user", objects::user(event))
                .maybe("session", objects::session(event))
                .with("service", objects::service(event))
                .with("auth_protocol_id", 6)
                .with("auth_protocol", "OAUTH 2.0")
                .with("src_endpoint", objects::source(event)),
            Class::EntityManagement => judged
                .with("entity", objects::entity(event))
                .maybe("comment", event.detail.clone()),
        }
        .into()
    }

    fn metadata(&self, leaf: &Leaf<'_>) -> Value {
        let event = &leaf.record.event;
        let product = Attributes::new()
            .with("name", "Caracal")
            .with("vendor_name", "Caracal")
            .with(
                "feature",
                Attributes::new().with("name", component_text(event.component)),
            );
        Attributes::new()
            .with("version", VERSION)
            .with("product", product)
            .with("profiles", vec!["security_control"])
            .with("uid", leaf.hash.to_string())
            .with("sequence", leaf.index)
            .with("log_name", self.origin.as_str())
            .with("log_version", event.v.to_string())
            .with("logged_time", leaf.record.recorded_ms)
            .with("tenant_uid", event.zone.as_str())
            .with("event_code", action_text(event.action))
            .maybe("correlation_uid", event.request_id.clone())
            .into()
    }
}

fn classification(kind: &Kind) -> Attributes {
    let (class, activity) = (kind.class, &kind.activity);
    let type_uid = class.uid().saturating_mul(100).saturating_add(activity.id);
    Attributes::new()
        .with("category_uid", class.category_uid())
        .with("category_name", class.category_name())
        .with("class_uid", class.uid())
        .with("class_name", class.name())
        .with("activity_id", activity.id)
        .with("activity_name", activity.name.as_str())
        .with("type_uid", type_uid)
        .with("type_name", format!("{}: {}", class.name(), activity.name))
}

/// What was decided, and what became of it: a refusal in shadow was let through.
fn judgement(attributes: Attributes, event: &Event) -> Attributes {
    let refused = event.outcome == Outcome::Deny;
    let (severity_id, severity) = if refused {
        (2, "Low")
    } else {
        (1, "Informational")
    };
    let (status_id, status) = match (refused, event.shadow) {
        (false, _) => (1, "Success"),
        (true, false) => (2, "Failure"),
        (true, true) => (99, "Shadowed"),
    };
    let (action_id, action, disposition_id, disposition) = match (refused, event.shadow) {
        (_, true) => (3, "Observed", 17, "Logged"),
        (false, false) => (1, "Allowed", 1, "Allowed"),
        (true, false) => (2, "Denied", 2, "Blocked"),
    };
    attributes
        .with("severity_id", severity_id)
        .with("severity", severity)
        .with("status_id", status_id)
        .with("status", status)
        .maybe("status_code", event.reason.map(Reason::as_str))
        .maybe("status_detail", event.reason.map(Reason::sentence))
        .with("action_id", action_id)
        .with("action", action)
        .with("disposition_id", disposition_id)
        .with("disposition", disposition)
}

/// One line for people.
fn message(event: &Event) -> String {
    let who = event.application.as_deref().or(event.holder.as_deref());
    let who = who.unwrap_or("an unknown caller");
    let what = match event.action {
        Action::Admin => {
            return event
                .detail
                .clone()
                .unwrap_or_else(|| "a change".to_owned());
        }
        Action::Exchange => {
            let resource = event.resource.as_deref().unwrap_or("a resource");
            format!("a mandate for {resource}")
        }
        Action::Request | Action::Authorize | Action::Response => {
            let part = |part: &Option<String>| part.clone().unwrap_or_default();
            let (method, host) = (part(&event.method), part(&event.host));
            format!("{method} {host}{}", part(&event.path))
        }
    };
    let outcome = match (event.outcome, event.shadow) {
        (Outcome::Allow, _) if event.action == Action::Response => "is over".to_owned(),
        (Outcome::Allow, _) => "allowed".to_owned(),
        (Outcome::Deny, shadow) => {
            let verb = if shadow {
                "would be refused"
            } else {
                "refused"
            };
            let why = event.reason.map_or("no reason", Reason::sentence);
            format!("{verb}: {why}")
        }
    };
    format!("{who}: {} {outcome}", what.trim())
}

/// What the schema has no place for. `raw_data` has all of it as well, but is not indexed everywhere.
fn unmapped(record: &Record, class: Class) -> Value {
    let Record { event, peer, .. } = record;
    let chain = event.chain.as_ref();
    let chain = chain.and_then(|chain| serde_json::to_value(chain).ok());
    let is_session = class == Class::AuthorizeSession;
    let is_change = class == Class::EntityManagement;
    let is_request = class == Class::ApiActivity;
    let emitter = Attributes::new()
        .with("name", event.emitter.name.as_str())
        .with("boot", event.emitter.boot.as_str())
        .with("seq", event.emitter.seq);
    Attributes::new()
        .with("outcome", outcome_text(event.outcome))
        .with("shadow", event.shadow)
        .with("peer", peer.as_str())
        .with("emitter", emitter)
        .maybe("epoch", event.epoch)
        .maybe("duration_us", event.duration_us)
        .maybe("ended_by", event.ended_by.map(EndedBy::as_str))
        .maybe("decision", event.decision)
        .maybe("grant", event.grant.clone())
        .maybe("mandate", event.mandate.clone().filter(|_| is_change))
        .maybe("scope", event.scope.clone().filter(|_| !is_session))
        .maybe("resource", event.resource.clone().filter(|_| !is_request))
        .maybe(
            "application",
            event.application.clone().filter(|_| is_change),
        )
        .maybe("session", event.session.clone().filter(|_| is_change))
        .maybe("detail", event.detail.clone().filter(|_| !is_change))
        .maybe("chain", chain)
        .into()
}
