//! Witnesses that are reached without a socket, and can be cut off.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{ManualClock, SignedLog, WitnessPlace};
use crate::ledger::{PublishRule, Witnessing};
use crate::note::{CheckpointVerifier, CosignatureSigner};
use crate::witness::client::{BoxFuture, Reply, Transport, TransportError};
use crate::witness::{TrustPolicy, Witness, WitnessClient};

/// Witnesses `w1`, `w2`, ... with states and keys of their own.
pub(crate) struct Network {
    witnesses: HashMap<String, (WitnessPlace, Witness)>,
    silent: Mutex<HashSet<String>>,
}

impl Network {
    pub(crate) fn new(count: usize, logs: &[CheckpointVerifier]) -> Arc<Self> {
        let witnesses = (1..=count).map(|number| {
            let place = WitnessPlace::new("w.example");
            let witness = place.try_open(logs, ManualClock::new()).unwrap();
            (format!("w{number}"), (place, witness))
        });
        Arc::new(Self {
            witnesses: witnesses.collect(),
            silent: Mutex::default(),
        })
    }

    pub(crate) fn of(count: usize, log: &SignedLog) -> Arc<Self> {
        Self::new(count, &[log.verifier()])
    }

    pub(crate) fn witness(&self, name: &str) -> &Witness {
        &self.witnesses[name].1
    }

    pub(crate) fn signer(&self, name: &str) -> CosignatureSigner {
        self.witnesses[name].0.signer()
    }

    /// Never answers from now on, or answers again.
    pub(crate) fn set_silent(&self, name: &str, silent: bool) {
        let mut names = self.silent.lock().unwrap();
        if silent {
            names.insert(name.to_owned());
        } else {
            names.remove(name);
        }
    }

    /// What a ledger is opened with to ask them.
    pub(crate) fn witnessing(self: &Arc<Self>, quorum: &str, rule: PublishRule) -> Witnessing {
        let policy = self.policy(quorum);
        let client = WitnessClient::new(policy, self.clone(), Duration::from_millis(200));
        Witnessing { client, rule }
    }

    /// A policy over all of them: `quorum` lines, after the witnesses.
    pub(crate) fn policy(&self, quorum: &str) -> TrustPolicy {
        let mut names: Vec<_> = self.witnesses.keys().collect();
        names.sort_unstable();
        let mut lines: Vec<_> = names
            .into_iter()
            .map(|name| {
                let key = self.signer(name).verifier().to_text();
                format!("witness {name} {key} https://{name}/prefix/")
            })
            .collect();
        lines.push(quorum.to_owned());
        let text = lines.join("\n");
        TrustPolicy::parse(format!("{text}\n").as_bytes()).unwrap()
    }
}

impl Transport for Network {
    fn post(&self, url: String, body: String) -> BoxFuture<'_, Result<Reply, TransportError>> {
        Box::pin(async move {
            let path = url.strip_prefix("https://").unwrap();
            let (name, path) = path.split_once("/prefix").unwrap();
            if self.silent.lock().unwrap().contains(name) {
                std::future::pending::<()>().await;
            }
            let answer = self.witness(name).answer("POST", path, body.as_bytes());
            Ok(Reply {
                status: answer.status,
                content_type: Some(answer.content_type.to_owned()),
                body: answer.body.into_bytes(),
            })
        })
    }
}
