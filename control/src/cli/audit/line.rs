//! One decision on one line.

use jiff::Timestamp;
use serde_json::Value;

use crate::cli::output::plain;

/// What follows the request, with its name where the value does not tell.
const FURTHER: [(&str, &str); 5] = [
    ("", "reason"),
    ("", "detail"),
    ("session ", "session"),
    ("mandate ", "mandate"),
    ("request ", "request_id"),
];

/// When the ledger took it, its index, what came of it, about whom, about what.
pub(super) fn line(entry: &Value) -> String {
    let index = entry.get("index").map(plain).unwrap_or_default();
    let Some(event) = entry.get("event") else {
        return format!("#{index}  unreadable; `caracal audit verify` says more");
    };
    let text = |member: &str| event.get(member).map(plain);
    let recorded = entry.get("recorded_ms").and_then(Value::as_i64);
    let recorded = recorded.and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let outcome = match text("outcome").as_deref() {
        // It must not be taken for a refusal that anybody met.
        Some("deny") if event.get("shadow") == Some(&Value::Bool(true)) => "SHADOW deny".to_owned(),
        Some("deny") => "DENY".to_owned(),
        other => other.unwrap_or("-").to_owned(),
    };
    let mut words = vec![
        recorded.map_or_else(|| "-".to_owned(), |at| format!("{at:.3}")),
        format!("#{index}"),
        outcome,
        text("action").unwrap_or_default(),
        text("application").unwrap_or_else(|| "-".to_owned()),
    ];
    let host = text("host").or_else(|| text("resource"));
    let place = match (host, text("path")) {
        (Some(host), path) => Some(format!("{host}{}", path.unwrap_or_default())),
        (None, path) => path,
    };
    match (text("method"), place) {
        (Some(method), Some(place)) => words.push(format!("{method} {place}")),
        (method, place) => words.extend(method.or(place)),
    }
    let further = FURTHER
        .into_iter()
        .filter_map(|(name, member)| Some(format!("{name}{}", text(member)?)));
    words.extend(further);
    words.join("  ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_tells_when_what_who_and_where() {
        for (entry, expected) in [
            (
                json!({"index": 7, "peer": "p", "recorded_ms": 1_800_000_000_250_u64, "event": {
                    "outcome": "deny", "action": "request", "application": "payout",
                    "method": "GET", "host": "bank.internal", "path": "/a", "reason": "revoked",
                    "session": "ses_1", "mandate": "mdt_1", "request_id": "r\n1"}}),
                "2027-01-15T08:00:00.250Z  #7  DENY  request  payout  GET bank.internal/a  revoked  \
                 session ses_1  mandate mdt_1  request r\u{fffd}1",
            ),
            (
                json!({"index": 8, "recorded_ms": 0, "event": {"outcome": "allow", "action": "exchange",
                    "application": "payout", "resource": "https://bank.internal"}}),
                "1970-01-01T00:00:00.000Z  #8  allow  exchange  payout  https://bank.internal",
            ),
            (
                json!({"index": 9, "recorded_ms": 0, "event": {"outcome": "deny", "shadow": true,
                    "action": "request"}}),
                "1970-01-01T00:00:00.000Z  #9  SHADOW deny  request  -",
            ),
            (
                json!({"index": 10}),
                "#10  unreadable; `caracal audit verify` says more",
            ),
        ] {
            assert_eq!(line(&entry), expected);
        }
    }
}
