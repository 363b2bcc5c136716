//! Proofs from tiles, and from nothing else.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;
use std::sync::Arc;

use super::extent;
use super::hash_tile::{HashTile, HashTileError};
use super::nodes::TileNodes;
use super::path::{LEVEL_BITS, TILE_WIDTH, TilePath};
use super::ranges::{self, Node};
use super::reader::TileReader;
use crate::merkle::{Frontier, Hash, ProofError, verify_consistency, verify_inclusion};
use crate::note::Checkpoint;

/// A tree as somebody publishes it: the tiles, and the root that a checkpoint vouches for. Tiles are
/// not trusted; a proof is given out only when it leads to that root.
#[derive(Debug)]
pub struct TiledTree<'a, R> {
    reader: &'a R,
    size: u64,
    root: Hash,
}

/// An entry's place in a tree, proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inclusion {
    /// Hash of the entry.
    pub leaf: Hash,
    /// What leads from it to the root.
    pub proof: Vec<Hash>,
}

/// The tree that the first entries make up, proven to be what this one begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix {
    /// Root of it.
    pub root: Hash,
    /// What leads from it to the root of the whole.
    pub proof: Vec<Hash>,
}

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum TreeError<E> {
    /// The tree has no such entry, or the older tree is empty or the larger one.
    #[error("the tree has no such position")]
    Position,
    /// A tile could not be read.
    #[error("{path} could not be read")]
    Read {
        /// The tile.
        path: TilePath,
        /// What is wrong.
        #[source]
        source: E,
    },
    /// A tile that the tree has is not there.
    #[error("{0} is missing")]
    Missing(TilePath),
    /// A file is no tile of the width in its name.
    #[error("{path} is no tile")]
    Malformed {
        /// The file.
        path: TilePath,
        /// What is wrong.
        #[source]
        source: HashTileError,
    },
    /// The tiles are those of another tree.
    #[error("the tiles do not lead to the root of the checkpoint")]
    Root(#[from] ProofError),
}

/// The tiles that one proof has needed so far.
type Seen = HashMap<TilePath, Arc<TileNodes>>;

impl<'a, R: TileReader> TiledTree<'a, R> {
    /// The tree that a checkpoint is about; the checkpoint has to be verified already.
    pub const fn new(reader: &'a R, checkpoint: &Checkpoint) -> Self {
        Self {
            reader,
            size: checkpoint.size,
            root: checkpoint.root,
        }
    }

    /// Number of entries.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root, computed from the tiles of the right edge; it is the checkpoint's.
    pub async fn root(&self) -> Result<Hash, TreeError<R::Error>> {
        let root = self.range(&(0..self.size), &mut Seen::new()).await?;
        if root == self.root {
            Ok(root)
        } else {
            Err(ProofError::Root.into())
        }
    }

    /// The hash of the entry at `index`, and what proves that it is there.
    pub async fn inclusion(&self, index: u64) -> Result<Inclusion, TreeError<R::Error>> {
        if index >= self.size {
            return Err(TreeError::Position);
        }
        let mut seen = Seen::new();
        let leaf = Node { height: 0, index };
        let leaf = self.node(leaf, &mut seen).await?;
        let siblings = ranges::inclusion(index, self.size);
        let proof = self.all(&siblings, &mut seen).await?;
        verify_inclusion(leaf, index, self.size, &proof, self.root)?;
        Ok(Inclusion { leaf, proof })
    }

    /// Proves that the tree begins with the one of `older` that has that root.
    pub async fn consistency(
        &self,
        older: u64,
        older_root: Hash,
    ) -> Result<Vec<Hash>, TreeError<R::Error>> {
        let Prefix { root, proof } = self.prefix(older).await?;
        if root == older_root {
            Ok(proof)
        } else {
            Err(ProofError::Root.into())
        }
    }

    /// The tree of the first `older` entries: an older checkpoint that says otherwise is of another
    /// history, as long as this one's is signed.
    pub async fn prefix(&self, older: u64) -> Result<Prefix, TreeError<R::Error>> {
        if older == 0 || older > self.size {
            return Err(TreeError::Position);
        }
        let mut seen = Seen::new();
        let root = self.range(&(0..older), &mut seen).await?;
        let parts = ranges::consistency(older, self.size);
        let proof = self.all(&parts, &mut seen).await?;
        verify_consistency((older, root), (self.size, self.root), &proof)?;
        Ok(Prefix { root, proof })
    }

    async fn all(
        &self,
        ranges: &[Range<u64>],
        seen: &mut Seen,
    ) -> Result<Vec<Hash>, TreeError<R::Error>> {
        let mut hashes = Vec::with_capacity(ranges.len());
        for range in ranges {
            hashes.push(self.range(range, seen).await?);
        }
        Ok(hashes)
    }

    async fn range(
        &self,
        range: &Range<u64>,
        seen: &mut Seen,
    ) -> Result<Hash, TreeError<R::Error>> {
        let mut peaks = Vec::new();
        for node in ranges::nodes(range) {
            peaks.extend(self.node(node, seen).await?.0);
        }
        let length = range.end.saturating_sub(range.start);
        let peaks = Frontier::from_bytes(length, &peaks);
        Ok(peaks.map_err(|_| ProofError::Length)?.root())
    }

    /// A perfect subtree is a run of hashes in one tile.
    async fn node(&self, node: Node, seen: &mut Seen) -> Result<Hash, TreeError<R::Error>> {
        let level = u8::try_from(node.height / LEVEL_BITS).unwrap_or(u8::MAX);
        let within = node.height % LEVEL_BITS;
        let place = node.index << within;
        let path = extent::holding(level, place, self.size).ok_or(TreeError::Position)?;
        let index = (place % TILE_WIDTH) >> within;
        let tile = match seen.entry(path) {
            Entry::Occupied(tile) => tile.into_mut(),
            Entry::Vacant(place) => place.insert(self.nodes(path).await?),
        };
        tile.get(within, index).ok_or(TreeError::Position)
    }

    async fn nodes(&self, path: TilePath) -> Result<Arc<TileNodes>, TreeError<R::Error>> {
        if let Some(kept) = self.reader.kept(path) {
            return Ok(kept);
        }
        let tile = Arc::new(TileNodes::new(&self.tile(path).await?));
        self.reader.used(path, &tile);
        Ok(tile)
    }

    /// A partial tile may be gone once there is a full one ("Partial Tiles").
    async fn tile(&self, path: TilePath) -> Result<HashTile, TreeError<R::Error>> {
        for file in [path, path.full()] {
            let read = self.reader.read(file).await;
            let read = read.map_err(|source| TreeError::Read { path: file, source })?;
            if let Some(bytes) = read {
                let tile = HashTile::from_bytes(&bytes, file.width());
                let tile = tile.map_err(|source| TreeError::Malformed { path: file, source })?;
                return tile.prefix(path.width()).ok_or(TreeError::Missing(path));
            }
        }
        Err(TreeError::Missing(path))
    }
}

#[cfg(test)]
mod tests;
