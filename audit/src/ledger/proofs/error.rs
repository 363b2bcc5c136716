//! Why there is no proof.

use crate::note::CheckpointError;
use crate::tiles::TreeError;

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum NoProof {
    /// The database does not answer.
    #[error("the ledger cannot be read")]
    Storage(#[from] sqlx::Error),
    /// Nothing of the log is published yet: it is new, or witnesses have not settled it.
    #[error("the log of zone {zone:?} has no published checkpoint yet")]
    Unpublished {
        /// The zone.
        zone: String,
    },
    /// The entry is recorded, and the checkpoint does not cover it: the newest one will, within seconds,
    /// or when witnesses have answered.
    #[error("entry {index} is recorded, and the checkpoint covers {covered} entries")]
    NotCovered {
        /// The entry.
        index: u64,
        /// Entries that the checkpoint covers.
        covered: u64,
    },
    /// The log has no such entry.
    #[error("there is no entry {index}: the log has {size} entries")]
    NoEntry {
        /// The index that was asked for.
        index: u64,
        /// Entries in the log, those that are not covered by a checkpoint among them.
        size: u64,
    },
    /// No checkpoint for so many entries was published.
    #[error("no checkpoint for {size} entries was published")]
    NoCheckpoint {
        /// The size that was asked for.
        size: u64,
    },
    /// The older tree is the larger one.
    #[error("the older checkpoint covers {older} entries, more than the {newer} of the newer one")]
    Order {
        /// Size of the older.
        older: u64,
        /// Size of the newer.
        newer: u64,
    },
    /// A stored checkpoint is none of this log.
    #[error("a stored checkpoint does not hold")]
    Checkpoint(#[from] CheckpointError),
    /// What is stored does not lead to the signed root: it was changed.
    #[error("the stored hashes of zone {zone:?} do not lead to the signed root")]
    Damaged {
        /// The zone.
        zone: String,
        /// What is wrong.
        #[source]
        source: TreeError<sqlx::Error>,
    },
    /// The stored entry is not the one whose hash was signed.
    #[error("the stored bytes of entry {index} are not what was signed")]
    Entry {
        /// The entry.
        index: u64,
    },
}

impl NoProof {
    /// That a read failed says nothing about what is stored.
    pub(super) fn damaged(zone: &str, error: TreeError<sqlx::Error>) -> Self {
        match error {
            TreeError::Read { path: _, source } => Self::Storage(source),
            source => Self::Damaged {
                zone: zone.to_owned(),
                source,
            },
        }
    }
}
