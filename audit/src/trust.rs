//! Whether a checkpoint is to be believed: by the log's key, and by a policy if there is one.

use crate::note::{Checkpoint, CheckpointError, CheckpointVerifier, Note};
use crate::witness::{TrustPolicy, Witnessed};

/// Whom somebody trusts who was given a checkpoint, or a proof that ends in one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogTrust {
    key: CheckpointVerifier,
    policy: Option<TrustPolicy>,
}

/// A checkpoint that is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vouched {
    /// What was signed.
    pub checkpoint: Checkpoint,
    /// Who has cosigned it, as the policy knows them; `None` without a policy.
    pub witnessed: Option<Witnessed>,
}

/// Why a checkpoint is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// The key did not sign it, or it is no checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The key is not that of this log.
    #[error("the checkpoint is of the log {origin:?}, and the key is that of {key:?}")]
    OtherLog {
        /// What the checkpoint names.
        origin: String,
        /// The key's name.
        key: String,
    },
    /// The policy lists logs, and this is none of them.
    #[error("the policy does not trust the log {0:?}")]
    Unlisted(String),
    /// Too few witnesses of the policy have cosigned it.
    #[error(
        "no quorum of witnesses has cosigned the checkpoint: missing are {}",
        .0.join(", ")
    )]
    Unwitnessed(Vec<String>),
}

impl LogTrust {
    /// Trusts a log's own key, or that of a ledger for the logs of all of its zones; with a policy, only
    /// what has its quorum of cosignatures.
    #[must_use]
    pub const fn new(key: CheckpointVerifier, policy: Option<TrustPolicy>) -> Self {
        Self { key, policy }
    }

    /// The key.
    #[must_use]
    pub const fn key(&self) -> &CheckpointVerifier {
        &self.key
    }

    /// The checkpoint in a note that is believed.
    pub fn open(&self, note: &str) -> Result<Vouched, TrustError> {
        let parsed = Note::parse(note).map_err(CheckpointError::Note)?;
        let origin = Checkpoint::from_text(parsed.text())?.origin;
        let log = self.key.for_origin(&origin);
        let log = log.ok_or_else(|| TrustError::OtherLog {
            origin: origin.clone(),
            key: self.key.name().to_owned(),
        })?;
        let checkpoint = log.open_checkpoint(note)?;
        let Some(policy) = &self.policy else {
            return Ok(Vouched {
                checkpoint,
                witnessed: None,
            });
        };
        if !policy.allows(&log) {
            return Err(TrustError::Unlisted(origin));
        }
        let witnessed = policy.witnessed(&parsed).map_err(CheckpointError::Note)?;
        if !witnessed.is_quorum {
            return Err(TrustError::Unwitnessed(witnessed.missing));
        }
        Ok(Vouched {
            checkpoint,
            witnessed: Some(witnessed),
        })
    }
}

#[cfg(test)]
mod tests;
