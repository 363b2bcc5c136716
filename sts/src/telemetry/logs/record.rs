//! An entry in OpenTelemetry's logs data model.

use caracal_audit::{Record, StoredEntry};
use caracal_mandate::event::{Action, Component, Event, Outcome};
use caracal_proto::otlp::any_value::Value;
use caracal_proto::otlp::{AnyValue, KeyValue};
use caracal_proto::otlp_logs::{LogRecord, SeverityNumber};

use super::super::span::{attribute, is_ours};

/// The body is the leaf itself, so that whoever has it can hash it again. Events name no trace, so there
/// is none here either; `caracal.request_id` is what a trace's spans have in common with it.
pub(super) fn log_record(zone: &str, entry: StoredEntry) -> LogRecord {
    let StoredEntry {
        index,
        record,
        body,
    } = entry;
    let mut attributes = vec![
        attribute("caracal.zone", zone),
        attribute("caracal.index", i64::try_from(index).unwrap_or(i64::MAX)),
    ];
    let (severity, name) = match &record {
        Some(record) => {
            describe(&record.event, &record.peer, &mut attributes);
            (severity(&record.event), action(record.event.action).0)
        }
        // The verifier says more; whoever reads logs has to hear of it.
        None => (SeverityNumber::Error, "caracal.unreadable"),
    };
    let times = record.as_ref().map(|record| {
        let Record {
            event, recorded_ms, ..
        } = record;
        (nanoseconds(event.time_ms), nanoseconds(*recorded_ms))
    });
    let (time_unix_nano, observed_time_unix_nano) = times.unwrap_or_default();
    let body = String::from_utf8_lossy(&body).into_owned();
    LogRecord {
        time_unix_nano,
        observed_time_unix_nano,
        severity_number: severity.into(),
        severity_text: text_of(severity).to_owned(),
        body: Some(AnyValue {
            value: Some(Value::StringValue(body)),
        }),
        attributes,
        trace_id: Vec::new(),
        span_id: Vec::new(),
        event_name: name.to_owned(),
    }
}

/// A refusal is worth a look, a failure of this side a call.
fn severity(event: &Event) -> SeverityNumber {
    match (event.outcome, event.reason) {
        (Outcome::Allow, _) => SeverityNumber::Info,
        (Outcome::Deny, Some(reason)) if is_ours(reason) => SeverityNumber::Error,
        (Outcome::Deny, _) => SeverityNumber::Warn,
    }
}

const fn text_of(severity: SeverityNumber) -> &'static str {
    match severity {
        SeverityNumber::Unspecified => "",
        SeverityNumber::Info => "INFO",
        SeverityNumber::Warn => "WARN",
        SeverityNumber::Error => "ERROR",
    }
}

/// The name of such records, and the action as events spell it.
const fn action(action: Action) -> (&'static str, &'static str) {
    match action {
        Action::Request => ("caracal.request", "request"),
        Action::Exchange => ("caracal.exchange", "exchange"),
        Action::Authorize => ("caracal.authorize", "authorize"),
        Action::Admin => ("caracal.admin", "admin"),
        Action::Response => ("caracal.response", "response"),
    }
}

/// Names of the semantic conventions where there are some, ours are those of spans.
fn describe(event: &Event, peer: &str, attributes: &mut Vec<KeyValue>) {
    let component = match event.component {
        Component::Filter => "filter",
        Component::Sts => "sts",
        Component::Control => "control",
    };
    let outcome = match event.outcome {
        Outcome::Allow => "allow",
        Outcome::Deny => "deny",
    };
    attributes.push(attribute("caracal.component", component));
    attributes.push(attribute("caracal.action", action(event.action).1));
    attributes.push(attribute("caracal.outcome", outcome));
    if event.shadow {
        attributes.push(attribute("caracal.shadow", true));
    }
    let texts = [
        ("caracal.application", &event.application),
        ("caracal.detail", &event.detail),
        ("caracal.grant", &event.grant),
        ("caracal.holder", &event.holder),
        ("caracal.mandate", &event.mandate),
        ("caracal.operation", &event.operation),
        ("caracal.policy", &event.policy),
        ("caracal.request_id", &event.request_id),
        ("caracal.resource", &event.resource),
        ("caracal.scope", &event.scope),
        ("caracal.session", &event.session),
        ("http.request.method", &event.method),
        ("server.address", &event.host),
        ("url.path", &event.path),
    ];
    for (key, text) in texts {
        attributes.extend(text.as_deref().map(|text| attribute(key, text)));
    }
    if let Some(reason) = event.reason {
        attributes.push(attribute("caracal.reason", reason.as_str()));
        attributes.push(attribute("error.type", reason.as_str()));
    }
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let numbers = [
        ("caracal.decision", event.decision),
        ("caracal.duration_us", event.duration_us),
        (
            "http.response.status_code",
            event.status.map(|status| status.get().into()),
        ),
    ];
    for (key, value) in numbers {
        attributes.extend(value.map(|value| attribute(key, number(value))));
    }
    if let Some(end) = event.ended_by {
        attributes.push(attribute("caracal.ended_by", end.as_str()));
    }
    attributes.push(attribute("caracal.emitter", event.emitter.name.as_str()));
    attributes.push(attribute("caracal.peer", peer));
}

const fn nanoseconds(ms: u64) -> u64 {
    ms.saturating_mul(1_000_000)
}
