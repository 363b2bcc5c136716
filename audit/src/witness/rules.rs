//! What a witness demands of a checkpoint before it cosigns it.

use super::request::{AddCheckpoint, RequestError};
use super::state::StateError;
use crate::causes::with_causes;
use crate::merkle::{Hash, ProofError, verify_consistency};
use crate::note::{Checkpoint, NoteError};

/// Why a checkpoint is not cosigned.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// The body is no request.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// Not a log that this witness follows.
    #[error("this witness does not follow a log of that origin")]
    UnknownLog,
    /// No trusted key of the log signed it, or one of them seems to have and did not.
    #[error("the checkpoint is not signed by the log: {0}")]
    Untrusted(NoteError),
    /// Signed by the log, and yet against the rules.
    #[error("{breach}")]
    Breach {
        breach: Breach,
        checkpoint: Checkpoint,
    },
    /// What was cosigned before cannot be read, or the new state not written.
    #[error(transparent)]
    State(#[from] StateError),
    /// The clock gives no time that can be signed.
    #[error("the clock is not set")]
    Clock,
}

/// How a signed checkpoint does not continue what was cosigned before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Breach {
    /// The old size is larger than the new one.
    #[error("the old size is larger than the size of the checkpoint")]
    Backwards,
    /// The old size is not the one that was cosigned last, which this is.
    #[error("the checkpoint that was cosigned last has the size {0}")]
    Stale(u64),
    /// The tree without leaves has one root.
    #[error("the root is not that of the empty tree")]
    EmptyRoot,
    /// From the empty tree there is nothing to prove.
    #[error("from the empty tree there is nothing to prove, but there is a proof")]
    NeedlessProof,
    /// The proof does not hold; without growth, the root is another one.
    #[error("not consistent with what was cosigned before: {0}")]
    Proof(#[from] ProofError),
}

/// Judges a checkpoint that the log signed, in the order of the specification. `known` is the tree
/// that was cosigned last.
pub(crate) fn judge(
    known: Option<(u64, Hash)>,
    request: &AddCheckpoint<'_>,
    checkpoint: &Checkpoint,
) -> Result<(), Breach> {
    let (known_size, known_root) = known.unwrap_or_else(|| (0, Hash::empty()));
    if request.old > checkpoint.size {
        return Err(Breach::Backwards);
    }
    if request.old != known_size {
        return Err(Breach::Stale(known_size));
    }
    if checkpoint.size == 0 && checkpoint.root != Hash::empty() {
        return Err(Breach::EmptyRoot);
    }
    if known_size == 0 {
        return if request.proof.is_empty() {
            Ok(())
        } else {
            Err(Breach::NeedlessProof)
        };
    }
    let new = (checkpoint.size, checkpoint.root);
    Ok(verify_consistency(
        (known_size, known_root),
        new,
        &request.proof,
    )?)
}

impl Refusal {
    /// Notes what an operator should know. A signed checkpoint that does not continue the log may be
    /// the proof that its operator shows two histories, so it is kept in full.
    pub(super) fn log(&self) {
        match self {
            Self::Breach {
                breach: breach @ (Breach::Proof(_) | Breach::EmptyRoot),
                checkpoint: Checkpoint { origin, size, root },
            } => tracing::error!(
                origin, size, %root, %breach,
                "a log signed a checkpoint that does not continue what was cosigned"
            ),
            Self::State(error) => {
                tracing::error!(error = %with_causes(error), "the state of the witness does not work");
            }
            Self::Clock => tracing::error!("the clock gives no time that can be signed"),
            Self::Request(_) | Self::UnknownLog | Self::Untrusted(_) | Self::Breach { .. } => {
                tracing::debug!(refusal = %self, "a checkpoint is not cosigned");
            }
        }
    }
}
