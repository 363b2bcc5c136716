//! Between signing and publishing: every checkpoint is shown to the witnesses of a policy.
//!
//! The publisher signs, which commits the log; a task of its own, so that appending never waits for
//! the network, asks the witnesses and stores what comes of it; and what is stored is what
//! [`Ledger::checkpoint`](super::Ledger::checkpoint) serves, also after a restart. The publisher does
//! not sign again before the last signature is settled. So one checkpoint at most has no
//! cosignatures yet, however many replicas there are.

mod history;
mod task;

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use sqlx::{AnyConnection, AnyPool};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::state::{StateRow, signed};
use crate::note::CheckpointVerifier;
use crate::witness::WitnessClient;
use task::Task;

/// Whom to ask, and what to do when too few answer.
#[derive(Debug)]
pub struct Witnessing {
    /// Asks the witnesses.
    pub client: WitnessClient,
    /// What is published when they are too few.
    pub rule: PublishRule,
}

/// What becomes of a checkpoint that too few witnesses cosigned. The log goes on appending either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishRule {
    /// It is held back until there are enough.
    Required,
    /// It is published with those that there are, and counted.
    BestEffort,
}

/// Neither `required` nor `besteffort`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be required or besteffort")]
pub struct PublishRuleError;

impl FromStr for PublishRule {
    type Err = PublishRuleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "required" => Ok(Self::Required),
            "besteffort" => Ok(Self::BestEffort),
            _ => Err(PublishRuleError),
        }
    }
}

impl PublishRule {
    /// The least value of the column `quorum` that settles a checkpoint.
    pub(crate) const fn least(self) -> i64 {
        match self {
            Self::Required => 1,
            Self::BestEffort => 0,
        }
    }
}

/// What came of asking witnesses since the start of this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessStatus {
    /// What becomes of a checkpoint with too few cosignatures.
    pub rule: PublishRule,
    /// Checkpoints that enough witnesses cosigned.
    pub quorums: u64,
    /// Times that too few did.
    pub shortfalls: u64,
    /// Zones whose newest checkpoint has too few cosignatures, and what each missing witness said.
    pub short: BTreeMap<String, Vec<String>>,
}

impl WitnessStatus {
    /// Whether publication waits for witnesses somewhere: readiness should say so.
    #[must_use]
    pub fn is_held_back(&self) -> bool {
        self.rule == PublishRule::Required && !self.short.is_empty()
    }
}

/// What the handle of a ledger knows of its witnesses.
#[derive(Debug, Clone)]
pub(super) struct WitnessedHandle(Arc<Mutex<WitnessStatus>>);

impl WitnessedHandle {
    pub(super) fn status(&self) -> WitnessStatus {
        self.change(|status| status.clone())
    }

    pub(super) fn rule(&self) -> PublishRule {
        self.change(|status| status.rule)
    }

    fn change<T>(&self, change: impl FnOnce(&mut WitnessStatus) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The publisher's end: wakes the task, and asks what it settled.
#[derive(Debug)]
pub(super) struct Handoff {
    rule: PublishRule,
    wake: mpsc::Sender<()>,
    task: JoinHandle<()>,
}

/// Starts the task. It ends with [`Handoff::finish`], or when the publisher is gone.
pub(super) fn start(
    witnessing: Witnessing,
    database: AnyPool,
    verifier: CheckpointVerifier,
) -> (Handoff, WitnessedHandle) {
    let Witnessing { client, rule } = witnessing;
    let handle = WitnessedHandle(Arc::new(Mutex::new(WitnessStatus {
        rule,
        quorums: 0,
        shortfalls: 0,
        short: BTreeMap::new(),
    })));
    let (wake, woken) = mpsc::channel(1);
    let task = Task {
        client,
        rule,
        database,
        verifier,
        handle: handle.clone(),
    };
    let task = tokio::spawn(Arc::new(task).run(woken));
    (Handoff { rule, wake, task }, handle)
}

impl Handoff {
    pub(super) fn wake(&self) {
        // Full: it is awake already.
        let _awake = self.wake.try_send(());
    }

    /// Whether the newest checkpoint of a log is published, so that another may be signed.
    pub(super) async fn has_settled(
        &self,
        connection: &mut AnyConnection,
        state: &StateRow,
    ) -> Result<bool, sqlx::Error> {
        if state.checkpoint_size == 0 {
            return Ok(true);
        }
        let settled = sqlx::query(
            "SELECT 1 FROM witnessed WHERE zone = $1 AND size = $2 AND quorum >= $3 LIMIT 1",
        )
        .bind(state.zone.clone())
        .bind(signed(state.checkpoint_size))
        .bind(self.rule.least())
        .fetch_optional(connection)
        .await?;
        Ok(settled.is_some())
    }

    /// Asks for what was signed last, once more, and waits for that.
    pub(super) async fn finish(self) {
        let Self {
            rule: _,
            wake,
            task,
        } = self;
        drop(wake);
        if let Err(error) = task.await {
            tracing::error!(%error, "the task that asks witnesses did not end well");
        }
    }
}
