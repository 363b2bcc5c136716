//! Where a log is published.

use crate::tiles::{TilePath, TileReader};

/// The file that names the newest tree.
pub(super) const CHECKPOINT: &str = "checkpoint";
/// Most bytes of a checkpoint that is read; as many as a note may have.
pub(super) const MAX_CHECKPOINT_BYTES: usize = 64 * 1024;

/// Which checkpoint it was that was read: it is replaced only as long as it is still there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark(pub(super) String);

/// The checkpoint that is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedCheckpoint {
    /// The note.
    pub note: String,
    /// For [`TileStore::put_checkpoint`].
    pub mark: Mark,
}

/// Why a store did not do what was asked of it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file is there, with other bytes.
    #[error("{0} is published with other bytes")]
    Occupied(TilePath),
    /// Somebody else has published a checkpoint in the meantime.
    #[error("another checkpoint was published in the meantime")]
    Replaced,
    /// What is there cannot be what its name says: it is too long, or is no text.
    #[error("{0} is nothing that a publisher wrote")]
    Foreign(String),
    /// Reading or writing failed.
    #[error("{path} could not be read or written")]
    Io {
        /// The file.
        path: String,
        /// What is wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl StoreError {
    pub(super) fn io(
        path: &(impl ToString + ?Sized),
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Io {
            path: path.to_string(),
            source: source.into(),
        }
    }
}

/// A place for the files of one log, which others read.
///
/// What a call has written is durable when it returns, and is there for every reader. Each file is
/// there as a whole or not at all.
pub trait TileStore: TileReader<Error = StoreError> + Send + Sync + 'static {
    /// Writes a file that never changes. Writing the same bytes again changes nothing.
    fn put(
        &self,
        path: TilePath,
        bytes: Vec<u8>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The checkpoint; `None` before the first.
    fn checkpoint(
        &self,
    ) -> impl Future<Output = Result<Option<PublishedCheckpoint>, StoreError>> + Send;

    /// Replaces the checkpoint that was read under `mark`, or writes the first; if another one is
    /// there, nothing is written ([`StoreError::Replaced`]).
    fn put_checkpoint(
        &self,
        note: &str,
        replaces: Option<Mark>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}
