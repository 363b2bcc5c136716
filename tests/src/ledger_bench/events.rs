//! Events as an enforcement point hands them in.

use anyhow::Result;
use caracal_audit::{Record, Submission};
use caracal_mandate::event::{Action, Component, Emitter, Event, Outcome};

/// The zone of all of them: one log.
pub(super) const ZONE: &str = "bench";

/// One enforcement point: each event is numbered, has a request id and a path of its own, and is else
/// what a request of an agent looks like.
pub(super) struct Source {
    name: String,
    seq: u64,
}

impl Source {
    pub(super) fn new(number: usize) -> Self {
        Self {
            name: format!("sidecar/payout-{number}"),
            seq: 0,
        }
    }

    pub(super) fn batch(&mut self, count: usize) -> Vec<Submission> {
        (0..count).map(|_| self.next()).collect()
    }

    /// The bytes that the ledger would keep of the next one.
    pub(super) fn record(&mut self) -> Result<Vec<u8>> {
        let Submission { event, peer } = self.next();
        let recorded_ms = event.time_ms;
        let record = Record {
            event,
            peer,
            recorded_ms,
        };
        Ok(record.to_canonical()?)
    }

    fn next(&mut self) -> Submission {
        self.seq += 1;
        let (name, seq) = (&self.name, self.seq);
        let some = |text: &str| Some(text.to_owned());
        let emitter = Emitter {
            boot: "4f0c5b9a7d1e2638".to_owned(),
            name: name.clone(),
            seq,
        };
        let (component, action) = (Component::Filter, Action::Request);
        let event = Event {
            application: some("payout-agent"),
            epoch: Some(1042),
            grant: some("grt_01J8ZC3N5Y7QWERTY"),
            holder: some("spiffe://mesh.example/ns/agents/sa/payout"),
            host: some("mercury-bank.internal"),
            mandate: some("mdt_7f3c9a51d2e84b60a1c5"),
            method: some("GET"),
            operation: some("read-account"),
            path: Some(format!("/accounts/{seq}")),
            policy: some("sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
            request_id: Some(format!("{seq:016x}-{name}")),
            resource: some("https://mercury-bank.internal"),
            scope: some("accounts:read"),
            session: some("ses_01J8ZC4A2M9PLMOKN"),
            ..Event::new(
                ZONE,
                component,
                action,
                Outcome::Allow,
                emitter,
                1_800_000_000_000,
            )
        };
        Submission {
            event,
            peer: "spiffe://mesh.example/ns/mesh/sa/proxy".to_owned(),
        }
    }
}
