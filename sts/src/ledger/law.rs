//! The law of decisions that enforcement points hand in.

use caracal_mandate::event::{Action, Component, Event, MAX_EVENT_BYTES, Outcome};
use caracal_proto::ledger::AppendRequest;
use prost::Message as _;

use super::decision::Point;

/// Longest name of an emitter here; the ledger has bounds of its own.
const MAX_NAME: usize = 64;

/// Whatever a point says that it decided, what is recorded is an event of a filter in the zone of
/// its certificate, fits into the log, and is a yes only where no reason for a no is given. A response is
/// one to an earlier yes.
///
/// # Panics
/// When the input breaks the law.
#[must_use]
pub fn decision(data: &[u8]) -> bool {
    let Ok(batch) = AppendRequest::decode(data) else {
        return false;
    };
    let short = |text: &str| text.chars().take(MAX_NAME).collect::<String>();
    let point = Point {
        zone: "acme".to_owned(),
        name: short(&batch.name),
        boot: short(&batch.boot),
    };
    let mut recorded = false;
    for decision in batch.decisions {
        let (seq, reason, of) = (decision.seq, decision.reason.clone(), decision.decision);
        let Some(event) = point.event(decision) else {
            continue;
        };
        recorded = true;
        assert_eq!(event.outcome == Outcome::Allow, reason.is_empty());
        assert_eq!(event.reason.map_or("", |reason| reason.as_str()), reason);
        assert_eq!(event.component, Component::Filter);
        assert_eq!(event.decision.unwrap_or_default(), of);
        match event.decision {
            None => assert_eq!(event.action, Action::Request),
            Some(of) => {
                assert_eq!(event.action, Action::Response);
                assert!(of < seq && event.outcome == Outcome::Allow);
            }
        }
        assert_eq!((event.zone.as_str(), event.emitter.seq), ("acme", seq));
        let bytes = event.to_canonical().unwrap_or_default();
        assert!(bytes.len() <= MAX_EVENT_BYTES, "{} bytes", bytes.len());
        assert_eq!(Event::from_canonical(&bytes).ok(), Some(event));
    }
    recorded
}

#[cfg(test)]
mod tests {
    use caracal_proto::ledger::Decision;

    use super::*;

    fn batch(decisions: Vec<Decision>) -> Vec<u8> {
        AppendRequest {
            zone: "acme".to_owned(),
            name: "sidecar".to_owned(),
            boot: "b".to_owned(),
            decisions,
        }
        .encode_to_vec()
    }

    #[test]
    fn seeds_are_read_as_their_names_say() {
        let allowed = || Decision {
            seq: 1,
            time_ms: 1_790_000_000_000,
            epoch: Some(7),
            application: "payout".to_owned(),
            method: "GET".to_owned(),
            path: "/accounts/42".to_owned(),
            host: "bank.internal".to_owned(),
            scopes: vec!["accounts:read".to_owned()],
            ..Decision::default()
        };
        let denied = |reason: &str| Decision {
            reason: reason.to_owned(),
            ..allowed()
        };
        let ended = |of: u64| Decision {
            seq: 2,
            status: 504,
            duration_us: Some(15_000_000),
            ended_by: "proxy".to_owned(),
            decision: of,
            ..allowed()
        };
        let late_no = Decision {
            reason: "revoked".to_owned(),
            ..ended(1)
        };
        let no_status = Decision {
            status: 1000,
            ..ended(0)
        };
        let monster = Decision {
            path: "\u{1}".repeat(2000),
            ..denied("malformed_path")
        };
        let seeds = [
            ("good-allowed", batch(vec![allowed()])),
            ("good-both", batch(vec![allowed(), denied("revoked")])),
            ("good-ended", batch(vec![ended(0)])),
            ("good-response", batch(vec![allowed(), ended(1)])),
            ("bad-response-to-itself", batch(vec![ended(2)])),
            ("bad-response-no", batch(vec![late_no])),
            ("bad-status", batch(vec![no_status])),
            ("bad-monster", batch(vec![monster])),
            ("bad-reason", batch(vec![denied("because")])),
            ("bad-empty", batch(vec![])),
            ("bad-bytes", vec![0xff; 9]),
        ];
        caracal_seeds::hold("decision", &seeds, decision).unwrap();
    }
}
