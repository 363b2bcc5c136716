//! What can go wrong, and what does not pass by itself.

use crate::note::CheckpointError;
use crate::publish::source::SourceError;
use crate::publish::store::StoreError;
use crate::tiles::{BundleError, HashTileError, TilePath};

/// Why a log was not published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The ledger could not be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The store could not be read or written, or has what no publisher wrote.
    #[error(transparent)]
    Store(StoreError),
    /// A file that never changes is there, with other bytes.
    #[error("two histories: {0} is published with other bytes than the log has")]
    Forked(TilePath),
    /// What is published as the checkpoint was not signed by this log.
    #[error("the checkpoint that is published is none of this log")]
    Published(#[source] CheckpointError),
    /// The newest checkpoint of the ledger was not signed by this log.
    #[error("the newest checkpoint of the log does not hold")]
    Signed(#[source] CheckpointError),
    /// More was published than the ledger has signed: it was put back.
    #[error("two histories: {published} entries are published, but {signed} are signed")]
    PutBack {
        /// Size of the published checkpoint.
        published: u64,
        /// Size of the newest that the ledger has.
        signed: u64,
    },
    /// What is signed is no continuation of what is published, or the entries are not what was signed.
    #[error(
        "two histories: the log does not lead from the {published} entries that are published to the \
         {signed} that are signed"
    )]
    Inconsistent {
        /// Size of the published checkpoint.
        published: u64,
        /// Size of the newest that the ledger has.
        signed: u64,
    },
    /// The body of an entry is not what was signed.
    #[error("the entries of {0} are not what was signed")]
    Entries(TilePath),
    /// An entry does not fit into a bundle.
    #[error("an entry cannot be published")]
    Bundle(#[from] BundleError),
    /// A tile of the published tree is gone.
    #[error("{0} was published and is missing")]
    Missing(TilePath),
    /// A file is no tile of the width in its name.
    #[error("{path} was published and is no tile now")]
    Malformed {
        /// The file.
        path: TilePath,
        /// What is wrong.
        #[source]
        source: HashTileError,
    },
    /// The tiles of the published tree have changed.
    #[error("the tiles that are published for {0} entries do not lead to their checkpoint")]
    Tiles(u64),
}

impl PublishError {
    /// Whether two histories of the log have shown, or something was changed that never changes. That
    /// does not pass by itself: somebody has to look.
    #[must_use]
    pub const fn is_fork(&self) -> bool {
        match self {
            Self::Source(SourceError::Database(_))
            | Self::Store(StoreError::Io { .. } | StoreError::Replaced | StoreError::Occupied(_))
            | Self::Bundle(_) => false,
            Self::Source(SourceError::Missing(_))
            | Self::Store(StoreError::Foreign(_))
            | Self::Forked(_)
            | Self::Published(_)
            | Self::Signed(_)
            | Self::PutBack { .. }
            | Self::Inconsistent { .. }
            | Self::Entries(_)
            | Self::Missing(_)
            | Self::Malformed { .. }
            | Self::Tiles(_) => true,
        }
    }
}

impl From<StoreError> for PublishError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Occupied(path) => Self::Forked(path),
            error => Self::Store(error),
        }
    }
}
