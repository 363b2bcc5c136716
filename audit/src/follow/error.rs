//! What can be wrong with a log that is followed.

use std::path::PathBuf;

use super::StateError;
use crate::published::ReadFileError;
use crate::tiles::{BundleError, HashTileError, TilePath, TreeError};
use crate::trust::TrustError;

/// What a look at the log has found.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The log could not be read. That contradicts nothing; it is tried again.
    #[error("the log cannot be read now")]
    Unreachable(#[from] ReadFileError),
    /// What is published as the checkpoint is not one of this log, or too few witnesses have seen it.
    #[error("the published checkpoint is not believed")]
    Untrusted(#[from] TrustError),
    /// There was a checkpoint, and there is none.
    #[error("the log had {0} entries, and has no checkpoint now")]
    Gone(u64),
    /// The log shows an older state than it did.
    #[error(
        "ROLLED BACK: the log shows {seen} entries, and has shown {kept} before; both checkpoints are in \
         {}", .evidence.display()
    )]
    RolledBack {
        /// Entries of the kept checkpoint.
        kept: u64,
        /// Entries of the published one.
        seen: u64,
        /// Where both notes are.
        evidence: PathBuf,
    },
    /// The log has signed two histories.
    #[error(
        "FORK: the log has signed a tree of {kept} entries, and one of {seen} that does not continue it or \
         is not continued by it; both checkpoints are in {}", .evidence.display()
    )]
    Fork {
        /// Entries of the kept checkpoint.
        kept: u64,
        /// Entries of the published one.
        seen: u64,
        /// Where both notes are.
        evidence: PathBuf,
    },
    /// The published files are not those of the signed tree.
    #[error("DAMAGED: the published files are not what the checkpoint says")]
    Damaged(#[source] Unfit),
    /// What was seen cannot be kept, or what was kept not be read.
    #[error("the state of this follower cannot be used")]
    State(#[from] StateError),
}

/// Which files do not fit the checkpoint, and how.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// A file that the tree has is not there.
    #[error("{0} is missing")]
    Missing(TilePath),
    /// A file is no tile of the width in its name.
    #[error("{path} is no tile")]
    Tile {
        /// The file.
        path: TilePath,
        /// What is wrong.
        #[source]
        source: HashTileError,
    },
    /// A file is no bundle of so many entries.
    #[error("{path} is no bundle of entries")]
    Bundle {
        /// The file.
        path: TilePath,
        /// What is wrong.
        #[source]
        source: BundleError,
    },
    /// Entries do not have the hashes that the tile beside them says.
    #[error("entry {index} is not the one whose hash is in {path}")]
    Entry {
        /// The entry.
        index: u64,
        /// The tile.
        path: TilePath,
    },
    /// A tile is not what those below it lead to.
    #[error("{0} does not follow from the entries")]
    Level(TilePath),
    /// The files are in order among themselves, and are those of another tree.
    #[error("the files of the first {0} entries do not lead to the signed root")]
    Root(u64),
}

impl FollowError {
    /// Whether somebody has to look: what was seen should never be seen of an honest log that runs well.
    #[must_use]
    pub const fn is_alarm(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::State(_) => false,
            Self::Untrusted(_)
            | Self::Gone(_)
            | Self::RolledBack { .. }
            | Self::Fork { .. }
            | Self::Damaged(_) => true,
        }
    }

    /// Whether two notes that the log signed contradict each other, and are kept as evidence.
    #[must_use]
    pub const fn is_fork(&self) -> bool {
        matches!(self, Self::Fork { .. })
    }

    pub(super) fn tree(error: TreeError<ReadFileError>, size: u64) -> Self {
        match error {
            TreeError::Read { path: _, source } => Self::Unreachable(source),
            TreeError::Missing(path) => Unfit::Missing(path).into(),
            TreeError::Malformed { path, source } => Unfit::Tile { path, source }.into(),
            // The positions that are asked for are those of the tree.
            TreeError::Position | TreeError::Root(_) => Unfit::Root(size).into(),
        }
    }
}

impl From<Unfit> for FollowError {
    fn from(unfit: Unfit) -> Self {
        Self::Damaged(unfit)
    }
}
