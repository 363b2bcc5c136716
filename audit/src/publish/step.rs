//! One step: whatever was signed is published.

mod error;
mod write;

use std::sync::Arc;

use caracal_mandate::name::Name;

pub use error::PublishError;

use super::growth::Growth;
use super::source::{LogSource, Newest};
use super::store::{PublishedCheckpoint, StoreError, TileStore};
use crate::note::{Checkpoint, CheckpointVerifier};
use crate::tiles::{HashTile, TileEdge};

/// Publishes the log of one zone.
#[derive(Debug)]
pub struct TilePublisher<S> {
    source: LogSource,
    zone: Name,
    verifier: CheckpointVerifier,
    store: Arc<S>,
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
        let (before, there, mark) = match published {
            None => (None, String::new(), None),
            Some(PublishedCheckpoint { note, mark }) => {
                let opened = self.verifier.open_checkpoint(&note);
                let opened = opened.map_err(PublishError::Published)?;
                (Some(opened), note, Some(mark))
            }
        };
        let size = before.as_ref().map_or(0, |before| before.size);
        let open = |note: &str| {
            let opened = self.verifier.open_checkpoint(note);
            opened.map_err(PublishError::Signed)
        };
        let Some(Newest { signed, settled }) = self.source.newest(&self.zone).await? else {
            return match before {
                None => Ok(None),
                Some(_) => Err(put_back(size, 0)),
            };
        };
        let signed = open(&signed)?;
        if signed.size < size {
            return Err(put_back(size, signed.size));
        }
        // Of what is published already, witnesses that are asked only since may have settled nothing.
        let Some(note) = settled else {
            return Ok(before.map(|before| before.size));
        };
        let signed = open(&note)?;
        if signed.size < size {
            return Ok(Some(size));
        }
        let inconsistent = PublishError::Inconsistent {
            published: size,
            signed: signed.size,
        };
        if let Some(before) = before.as_ref().filter(|before| before.size == signed.size) {
            if before.root != signed.root {
                return Err(inconsistent);
            }
            if note == there {
                return Ok(Some(size));
            }
            // The same tree, cosigned by more than before.
            return match self.store.put_checkpoint(&note, mark).await {
                Err(StoreError::Replaced) | Ok(()) => Ok(Some(size)),
                Err(error) => Err(error.into()),
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
