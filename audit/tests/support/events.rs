//! Events of all shapes that the columns of the ledger tell apart, each a function of its number: an
//! emitter that hands one in again hands in the same bytes.

use caracal_audit::{Clock, Submission};
use caracal_mandate::event::{
    Action, Component, Emitter, Event, HttpStatus, Outcome, RecordedChain, RecordedHop, RecordedRow,
};
use caracal_mandate::reason::Reason;

/// Every emitter's peer.
pub(crate) const PEER: &str = "spiffe://mesh/filter";

pub(crate) struct FixedClock;

impl Clock for FixedClock {
    fn unix_ms(&self) -> u64 {
        1_800_000_000_000
    }
}

/// Each third one is refused, each fifth issued a mandate, the others were answered; each seventh has no
/// request id.
pub(crate) fn submission(zone: &str, name: &str, boot: &str, seq: u64) -> Submission {
    let emitter = Emitter {
        boot: boot.to_owned(),
        name: name.to_owned(),
        seq,
    };
    let refused = seq.is_multiple_of(3);
    let issues = !refused && seq.is_multiple_of(5);
    let (component, action) = if issues {
        (Component::Sts, Action::Exchange)
    } else {
        (Component::Filter, Action::Request)
    };
    let outcome = if refused {
        Outcome::Deny
    } else {
        Outcome::Allow
    };
    let answered = !refused && !issues;
    let event = Event {
        duration_us: answered.then_some(seq),
        status: answered.then(|| HttpStatus::try_from(200).ok()).flatten(),
        application: Some("payout".to_owned()),
        chain: issues.then(|| Box::new(chain())),
        mandate: Some(format!("mdt-{name}-{seq}")),
        path: Some(format!("/accounts/{seq}")),
        reason: refused.then_some(Reason::MandateExpired),
        request_id: (!seq.is_multiple_of(7)).then(|| format!("req-{name}-{seq}")),
        resource: Some("https://bank.internal".to_owned()),
        ..Event::new(zone, component, action, outcome, emitter, seq)
    };
    Submission {
        event,
        peer: PEER.to_owned(),
    }
}

fn chain() -> RecordedChain {
    RecordedChain {
        from: Vec::new(),
        hops: vec![RecordedHop {
            application: "payout".to_owned(),
            delegation: None,
            depth: 5,
            expires: 1300,
            rights: 1,
            session: "ses_1".to_owned(),
        }],
        table: vec![RecordedRow {
            resource: "https://bank.internal".to_owned(),
            scopes: vec!["accounts:read".to_owned()],
        }],
        through: Vec::new(),
        via: Vec::new(),
    }
}
