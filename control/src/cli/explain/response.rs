//! What became of a request that was let through, from the event of its decision or a later one.

use serde::Serialize;
use serde_json::Value;

/// First schema version of events that tell it.
const SINCE: u64 = 4;

/// The end of a request, as far as the ledger knows it.
#[derive(Debug, Serialize)]
pub(super) struct Response {
    /// The entry that tells it, where that is not the decision's own.
    pub(super) told_at: Option<u64>,
    /// The entry of the decision, where this is the entry that tells the end.
    pub(super) decision_at: Option<u64>,
    pub(super) status: Option<u64>,
    pub(super) ended_by: Option<String>,
    pub(super) duration_us: Option<u64>,
}

impl Response {
    /// What became of the request of an entry; `None` where that is not for a point to tell. `entries`
    /// are all those with the request's id.
    pub(super) fn of(entry: &Value, entries: &[Value]) -> Option<Self> {
        let event = entry.get("event")?;
        let (action, v) = (text(event, "action")?, number(event, "v").unwrap_or(0));
        let is_points = text(event, "component") == Some("filter");
        if !is_points || v < SINCE || text(event, "outcome") != Some("allow") {
            return None;
        }
        match action {
            "response" => {
                let decision = number(event, "decision");
                let decision = entries.iter().find(|other| {
                    same_run(entry, other) && decision.is_some() && seq(other) == decision
                });
                let decision_at = decision.and_then(|entry| number(entry, "index"));
                Some(Self::read(event, None, decision_at))
            }
            "request" if is_told(event) => Some(Self::read(event, None, None)),
            "request" => {
                let later = entries.iter().find(|other| {
                    let of = other.pointer("/event/decision").and_then(Value::as_u64);
                    same_run(entry, other) && of.is_some() && of == seq(entry)
                });
                Some(match later {
                    Some(later) => {
                        let end = later.get("event").unwrap_or(&Value::Null);
                        Self::read(end, number(later, "index"), None)
                    }
                    None => Self::read(&Value::Null, None, None),
                })
            }
            _ => None,
        }
    }

    fn read(event: &Value, told_at: Option<u64>, decision_at: Option<u64>) -> Self {
        Self {
            told_at,
            decision_at,
            status: number(event, "status"),
            ended_by: text(event, "ended_by").map(str::to_owned),
            duration_us: number(event, "duration_us"),
        }
    }

    /// One line for people.
    pub(super) fn text(&self) -> String {
        let status = self.status.map(|status| status.to_string());
        let what = match (self.ended_by.as_deref(), status) {
            (None, Some(status)) => status,
            (Some("proxy"), Some(status)) => format!("{status}, by the proxy and not the upstream"),
            (Some("client"), _) => "nothing: the caller was gone before".to_owned(),
            (Some("authority"), None) => "nothing: CUT, what it rested on had ended".to_owned(),
            (Some("authority"), Some(status)) => {
                format!("{status}, then CUT: what it rested on had ended")
            }
            _ => {
                return "not known: it is not over, or its point does not tell".to_owned();
            }
        };
        let after = self
            .duration_us
            .map(|us| format!(", after {}", duration(us)));
        let told = self.told_at.map(|entry| format!(", told at entry {entry}"));
        [what, after.unwrap_or_default(), told.unwrap_or_default()].concat()
    }
}

/// In the unit that says most, with three digits.
fn duration(us: u64) -> String {
    let (whole, thousandth, unit) = match us {
        0..1_000 => return format!("{us} µs"),
        1_000..1_000_000 => (us.div_euclid(1_000), us.rem_euclid(1_000), "ms"),
        _ => {
            let ms = us.div_euclid(1_000);
            (ms.div_euclid(1_000), ms.rem_euclid(1_000), "s")
        }
    };
    match whole {
        0..10 => format!("{whole}.{:02} {unit}", thousandth.div_euclid(10)),
        10..100 => format!("{whole}.{} {unit}", thousandth.div_euclid(100)),
        _ => format!("{whole} {unit}"),
    }
}

fn is_told(event: &Value) -> bool {
    event.get("status").is_some() || event.get("ended_by").is_some()
}

/// Whether two entries are of one numbering: nobody else can answer for a point's decision.
fn same_run(one: &Value, other: &Value) -> bool {
    let of = |entry: &Value| {
        let member = |path| entry.pointer(path).cloned();
        [
            member("/event/emitter/boot"),
            member("/event/emitter/name"),
            member("/peer"),
        ]
    };
    of(one) == of(other)
}

fn seq(entry: &Value) -> Option<u64> {
    entry.pointer("/event/emitter/seq").and_then(Value::as_u64)
}

fn text<'a>(value: &'a Value, member: &str) -> Option<&'a str> {
    value.get(member).and_then(Value::as_str)
}

fn number(value: &Value, member: &str) -> Option<u64> {
    value.get(member).and_then(Value::as_u64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(index: u64, change: &Value) -> Value {
        let mut entry = json!({"index": index, "peer": "spiffe://d/p", "event": {"v": 4,
            "action": "request", "component": "filter", "outcome": "allow",
            "emitter": {"boot": "b", "name": "sidecar", "seq": index}}});
        for (member, value) in change.as_object().unwrap() {
            entry["event"][member] = value.clone();
        }
        entry
    }

    #[test]
    fn the_end_of_a_request_is_told_in_one_line() {
        for (change, line) in [
            (
                json!({"status": 200, "duration_us": 1_234}),
                "200, after 1.23 ms",
            ),
            (
                json!({"status": 404, "duration_us": 850}),
                "404, after 850 µs",
            ),
            (
                json!({"status": 504, "ended_by": "proxy", "duration_us": 15_001_000}),
                "504, by the proxy and not the upstream, after 15.0 s",
            ),
            (
                json!({"ended_by": "client", "duration_us": 500_700}),
                "nothing: the caller was gone before, after 500 ms",
            ),
            (
                json!({"ended_by": "authority", "duration_us": 3_000_000}),
                "nothing: CUT, what it rested on had ended, after 3.00 s",
            ),
            (
                json!({"status": 200, "ended_by": "authority"}),
                "200, then CUT: what it rested on had ended",
            ),
            (
                json!({}),
                "not known: it is not over, or its point does not tell",
            ),
        ] {
            let told = Response::of(&entry(1, &change), &[]).unwrap();
            assert_eq!(told.text(), line);
        }
    }

    #[test]
    fn a_decision_and_its_response_lead_to_each_other_and_to_nobody_elses() {
        let response = json!({"action": "response", "decision": 1, "status": 200});
        let mut stranger = entry(2, &response);
        stranger["peer"] = json!("spiffe://d/other");
        let mut entries = vec![entry(1, &json!({})), stranger];
        let text = |entries: &[Value]| Response::of(&entries[0], entries).unwrap().text();
        assert!(text(&entries).starts_with("not known"));
        entries.push(entry(3, &response));
        assert_eq!(text(&entries), "200, told at entry 3");
        let response = Response::of(&entries[2], &entries).unwrap();
        assert_eq!((response.decision_at, response.told_at), (Some(1), None));
    }

    #[test]
    fn nothing_is_said_of_what_no_point_tells() {
        for change in [
            json!({"outcome": "deny"}),
            json!({"component": "sts"}),
            json!({"v": 3}),
            json!({"action": "exchange"}),
        ] {
            assert!(Response::of(&entry(1, &change), &[]).is_none());
        }
    }
}
