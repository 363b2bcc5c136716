//! One step: whatever was signed is published.

mod write;

use std::sync::Arc;

use caracal_mandate::name::Name;

use super::growth::Growth;
use super::source::{LogSource, SourceError};
use super::store::{PublishedCheckpoint, StoreError, TileStore};
use crate::note::{Checkpoint, CheckpointError, CheckpointVerifier};
use crate::tiles::{BundleError, HashTile, HashTileError, TileEdge, TilePath};

/// Publishes the log of one zone.
#[derive(Debug)]
pub struct TilePublisher<S> {
    source: LogSource,
    zone: Name,
    verifier: CheckpointVerifier,
    store: Arc<S>,
}

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

impl<S: TileStore> TilePublisher<S> {
    /// A publisher of a zone's log, whose checkpoints are signed by the ledger's key `verifier`.
    pub fn new(source: LogSource, zone: Name, verifier: &CheckpointVerifier, store: S) -> Self {
        Self {
            verifier: verifier.for_zone(zone.as_str()),
            source,
            zone,
            store: Arc::new(store),
        }
    }

    /// The zone.
    #[must_use]
    pub const fn zone(&self) -> &Name {
        &self.zone
    }

    /// Publishes what was signed since the last time; returns the size of the tree that is published,
    /// `None` before the first checkpoint.
    pub async fn publish(&self) -> Result<Option<u64>, PublishError> {
        // What is published is read first. Else another publisher could get ahead in between, and the
        // ledger would seem to be put back.
        let published = self.store.checkpoint().await?;
        let (before, mark) = match published {
            None => (None, None),
            Some(PublishedCheckpoint { note, mark }) => {
                let opened = self.verifier.open_checkpoint(&note);
                (Some(opened.map_err(PublishError::Published)?), Some(mark))
            }
        };
        let size = before.as_ref().map_or(0, |before| before.size);
        let Some(note) = self.source.newest(&self.zone).await? else {
            return match before {
                None => Ok(None),
                Some(_) => Err(put_back(size, 0)),
            };
        };
        let signed = self.verifier.open_checkpoint(&note);
        let signed = signed.map_err(PublishError::Signed)?;
        if signed.size < size {
            return Err(put_back(size, signed.size));
        }
        let inconsistent = PublishError::Inconsistent {
            published: size,
            signed: signed.size,
        };
        if let Some(before) = before.as_ref().filter(|before| before.size == signed.size) {
            return if before.root == signed.root {
                Ok(Some(size))
            } else {
                Err(inconsistent)
            };
        }
        let edge = self.edge(before.as_ref()).await?;
        let growth = Growth::follow(&self.source, &self.zone, edge, &signed).await?;
        let growth = growth.ok_or(inconsistent)?;
        self.write(size, &growth).await?;
        match self.store.put_checkpoint(&note, mark).await {
            // By another publisher, which had the same to say, or more.
            Err(StoreError::Replaced) => Ok(before.map(|before| before.size)),
            Err(error) => Err(error.into()),
            Ok(()) => Ok(Some(signed.size)),
        }
    }

    /// The edge of the published tree, as the store has it.
    async fn edge(&self, published: Option<&Checkpoint>) -> Result<TileEdge, PublishError> {
        let Some(Checkpoint { size, root, .. }) = published else {
            return Ok(TileEdge::new());
        };
        let mut tiles = Vec::new();
        for path in TileEdge::paths(*size) {
            let bytes = self.store.read(path).await?;
            let bytes = bytes.ok_or(PublishError::Missing(path))?;
            let tile = HashTile::from_bytes(&bytes, path.width());
            tiles.push(tile.map_err(|source| PublishError::Malformed { path, source })?);
        }
        TileEdge::from_tiles(*size, &tiles)
            .ok()
            .filter(|edge| edge.root() == *root)
            .ok_or(PublishError::Tiles(*size))
    }
}

const fn put_back(published: u64, signed: u64) -> PublishError {
    PublishError::PutBack { published, signed }
}
