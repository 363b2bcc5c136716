//! The log's side: asks every witness of a policy for its cosignature.

mod ask;
mod transport;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;

use super::policy::TrustPolicy;
use crate::merkle::Hash;
use crate::note::{Checkpoint, Timestamp};
use ask::Question;
pub use ask::{AskError, MAX_REPLY_BYTES};
pub use transport::{BoxFuture, Reply, Transport, TransportError};

/// How long a witness may take for an answer, when nothing else was said.
pub const PATIENCE: Duration = Duration::from_secs(1);

/// Where the proofs come from: the history of one log, up to one checkpoint.
pub trait History: Send + Sync {
    /// PROOF(older, size of the checkpoint). `older` is neither 0 nor the size of the checkpoint.
    fn consistency(&self, older: u64) -> BoxFuture<'_, Result<Vec<Hash>, HistoryError>>;
}

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The log never signed that size, or has other entries now than it had then.
    #[error("this log did not sign a checkpoint for {0} entries")]
    NotSigned(u64),
    /// The entries cannot be read.
    #[error("the log could not be read")]
    Read(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A checkpoint, and who cosigned it.
#[derive(Debug)]
pub struct Cosigned {
    /// The note of the log, with the cosignatures below its signature, in the order of the policy.
    pub note: String,
    /// What came of each witness, by name in the policy and in its order.
    pub outcomes: Vec<(String, Result<Timestamp, AskError>)>,
    /// Whether those that cosigned are enough.
    pub is_quorum: bool,
}

/// Asks the witnesses of one policy, and remembers what each has seen.
pub struct WitnessClient {
    policy: TrustPolicy,
    transport: Arc<dyn Transport>,
    patience: Duration,
    /// Size that a witness cosigned last, by origin and name. A guess: another replica may have asked
    /// since. A witness that was guessed wrong says what it has.
    seen: Mutex<HashMap<(String, String), u64>>,
}

impl std::fmt::Debug for WitnessClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WitnessClient")
            .field("witnesses", &self.policy.witnesses().len())
            .finish_non_exhaustive()
    }
}

impl WitnessClient {
    /// A client for the witnesses of `policy` that have a URL there; the others are never asked.
    #[must_use]
    pub fn new(policy: TrustPolicy, transport: Arc<dyn Transport>, patience: Duration) -> Self {
        Self {
            policy,
            transport,
            patience,
            seen: Mutex::default(),
        }
    }

    /// The policy that says whom to ask.
    #[must_use]
    pub fn policy(&self) -> &TrustPolicy {
        &self.policy
    }

    /// Asks all witnesses at once, and returns when each has answered or had its time, which is twice
    /// the patience for one that has something else than was thought. `note` is the
    /// log's own, `checkpoint` what it says.
    pub async fn cosign(
        &self,
        note: &str,
        checkpoint: &Checkpoint,
        history: Arc<dyn History>,
    ) -> Cosigned {
        let mut asked = JoinSet::new();
        for (place, witness) in self.policy.witnesses().iter().enumerate() {
            let question = Question {
                url: witness.url.clone(),
                verifier: witness.verifier.clone(),
                note: note.to_owned(),
                size: checkpoint.size,
                seen: self.seen(&checkpoint.origin, &witness.name),
                history: Arc::clone(&history),
                transport: Arc::clone(&self.transport),
                patience: self.patience,
            };
            asked.spawn(async move { (place, question.ask().await) });
        }
        let mut answers = HashMap::new();
        while let Some(answer) = asked.join_next().await {
            // One that panicked has no answer, and counts as one that was not reached.
            if let Ok((place, answer)) = answer {
                answers.insert(place, answer);
            }
        }
        let mut cosigned = note.to_owned();
        let mut outcomes = Vec::with_capacity(self.policy.witnesses().len());
        for (place, witness) in self.policy.witnesses().iter().enumerate() {
            let answer = answers.remove(&place).unwrap_or(Err(AskError::Late));
            let outcome = answer.map(|answer| {
                self.remember(&checkpoint.origin, &witness.name, checkpoint.size);
                cosigned.push_str(&answer.line);
                cosigned.push('\n');
                answer.time
            });
            outcomes.push((witness.name.clone(), outcome));
        }
        let good = outcomes.iter().filter(|(_, outcome)| outcome.is_ok());
        let is_quorum = self.policy.is_quorum(good.map(|(name, _)| name.as_str()));
        Cosigned {
            note: cosigned,
            outcomes,
            is_quorum,
        }
    }

    fn seen(&self, origin: &str, witness: &str) -> u64 {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (origin.to_owned(), witness.to_owned());
        seen.get(&key).copied().unwrap_or(0)
    }

    fn remember(&self, origin: &str, witness: &str, size: u64) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.insert((origin.to_owned(), witness.to_owned()), size);
    }
}

#[cfg(test)]
mod tests;
