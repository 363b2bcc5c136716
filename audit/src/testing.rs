//! What the tests of ledger, publication, witness and verifier share.

mod network;
pub(crate) mod s3;
pub(crate) mod tools;
pub(crate) mod web;
mod witnessing;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use caracal_mandate::event::{
    Action, Component, Emitter, Event, Outcome, RecordedChain, RecordedHop, RecordedRow,
};
use caracal_mandate::reason::Reason;
use caracal_store::DatabaseUrl;
use sqlx::{ConnectOptions as _, Connection as _};

use crate::ledger::{Clock, Ledger, PublishRule, Submission};
use crate::note::CheckpointSigner;
use crate::verify::{Report, verify};

pub(crate) use network::Network;
pub(crate) use witnessing::{ManualClock, NOW, SignedLog, WitnessPlace, pkcs8};

pub(crate) struct FixedClock;

impl Clock for FixedClock {
    fn unix_ms(&self) -> u64 {
        1_800_000_000_000
    }
}

/// A directory with a ledger file and the key of its checkpoints.
pub(crate) struct Place {
    directory: tempfile::TempDir,
    key: Vec<u8>,
}

impl Place {
    pub(crate) fn new() -> Self {
        let signer = CheckpointSigner::generate("audit.example").unwrap();
        let key = signer.to_pkcs8().unwrap().as_ref().to_vec();
        Self {
            directory: tempfile::tempdir().unwrap(),
            key,
        }
    }

    /// Another ledger, with the same key.
    pub(crate) fn with_key_of(other: &Self) -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            key: other.key.clone(),
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("ledger.db")
    }

    pub(crate) fn signer(&self) -> CheckpointSigner {
        CheckpointSigner::from_pkcs8("audit.example", &self.key).unwrap()
    }

    pub(crate) async fn try_open(&self) -> Result<Ledger, crate::OpenError> {
        Ledger::open(&self.path(), self.signer(), Arc::new(FixedClock)).await
    }

    /// A ledger that asks the witnesses of `network`.
    pub(crate) async fn open_witnessed(
        &self,
        network: &Arc<Network>,
        quorum: &str,
        rule: PublishRule,
    ) -> Ledger {
        let (place, clock) = (
            DatabaseUrl::from(self.path().as_path()),
            Arc::new(FixedClock),
        );
        let witnessing = network.witnessing(quorum, rule);
        let opened = Ledger::connect_witnessed(&place, self.signer(), clock, witnessing).await;
        opened.unwrap()
    }

    pub(crate) async fn open(&self) -> Ledger {
        self.try_open().await.unwrap()
    }

    pub(crate) async fn sql(&self, statement: &'static str) {
        sql(&self.path(), statement).await;
    }

    pub(crate) fn verify(&self, trusted: Option<&str>) -> Report {
        let key = self.signer().verifier().to_text();
        verify(&self.path(), &key, trusted, |_| {}).unwrap()
    }
}

pub(crate) async fn sql(path: &Path, statement: &'static str) {
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(false);
    let mut connection = options.connect().await.unwrap();
    sqlx::raw_sql(statement)
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}

pub(crate) fn event(zone: &str, seq: u64) -> Event {
    let emitter = Emitter {
        boot: "boot".to_owned(),
        name: format!("filter-{zone}"),
        seq,
    };
    let even = seq.is_multiple_of(2);
    let outcome = if even { Outcome::Deny } else { Outcome::Allow };
    Event {
        request_id: Some(format!("req-{zone}-{seq}")),
        application: Some("payout".to_owned()),
        resource: Some("https://bank.internal".to_owned()),
        reason: even.then_some(Reason::MandateExpired),
        ..Event::new(
            zone,
            Component::Filter,
            Action::Request,
            outcome,
            emitter,
            seq,
        )
    }
}

/// An exchange that issued a mandate.
pub(crate) fn issue(zone: &str, seq: u64, mandate: &str) -> Submission {
    let mut issue = submission(zone, seq);
    issue.event.component = Component::Sts;
    issue.event.action = Action::Exchange;
    issue.event.outcome = Outcome::Allow;
    issue.event.reason = None;
    issue.event.mandate = Some(mandate.to_owned());
    issue.event.chain = Some(Box::new(chain()));
    issue
}

/// As a mandate of one hop has it.
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

pub(crate) fn submission(zone: &str, seq: u64) -> Submission {
    Submission {
        event: event(zone, seq),
        peer: "spiffe://mesh/filter".to_owned(),
    }
}

pub(crate) fn submissions(zone: &str, seqs: std::ops::RangeInclusive<u64>) -> Vec<Submission> {
    seqs.map(|seq| submission(zone, seq)).collect()
}
