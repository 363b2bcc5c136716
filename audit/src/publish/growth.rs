//! From the tree that is published to the one that was signed, checked before anything is written.

use caracal_mandate::name::Name;

use super::source::{LogSource, SourceError};
use crate::merkle::Hash;
use crate::note::Checkpoint;
use crate::tiles::{FullTile, HashTile, Kind, TILE_WIDTH, TileEdge, TilePath, Width};

/// Leaf hashes that are read at once.
const PAGE: u64 = 8192;

/// What the tiles of the signed tree are, as far as they are not published yet.
///
/// Of the leaves, only a hash for each full tile is kept: a log may be published for the first time
/// when it is long.
#[derive(Debug)]
pub(super) struct Growth {
    /// The partial tiles.
    pub(super) edge: TileEdge,
    /// The full tiles above those of leaves.
    pub(super) full: Vec<FullTile>,
    /// Roots of the full tiles of leaves.
    roots: Vec<Hash>,
    /// Index of the first of these.
    first: u64,
}

impl Growth {
    /// Follows the stored leaf hashes from the published tree; `None` when they do not lead to the
    /// signed root. Then they are not what was signed, or what was signed does not continue what was
    /// published.
    pub(super) async fn follow(
        source: &LogSource,
        zone: &Name,
        published: TileEdge,
        signed: &Checkpoint,
    ) -> Result<Option<Self>, SourceError> {
        let mut growth = Self {
            first: published.size() / TILE_WIDTH,
            edge: published,
            full: Vec::new(),
            roots: Vec::new(),
        };
        while growth.edge.size() < signed.size {
            let first = growth.edge.size();
            let end = first.saturating_add(PAGE).min(signed.size);
            for leaf in source.leaf_hashes(zone, first, end).await? {
                growth.append(leaf);
            }
        }
        Ok((growth.edge.root() == signed.root).then_some(growth))
    }

    fn append(&mut self, leaf: Hash) {
        for full in self.edge.append(leaf) {
            if full.path.kind() == Kind::Hashes(0) {
                self.roots.push(full.root);
            } else {
                self.full.push(full);
            }
        }
    }

    /// The tile of these entries, if they are those that were signed.
    pub(super) fn tile(&self, bundle: TilePath, entries: &[Vec<u8>]) -> Option<HashTile> {
        let hashes = entries.iter().map(|entry| Hash::leaf(entry)).collect();
        let tile = HashTile::new(hashes)?;
        let signed = if bundle.width() == Width::FULL {
            let at = bundle.index().checked_sub(self.first)?;
            self.roots.get(usize::try_from(at).ok()?) == Some(&tile.root())
        } else {
            let (path, partial) = self.edge.partials().next()?;
            path == bundle.of_kind(Kind::Hashes(0))? && partial == tile
        };
        signed.then_some(tile)
    }
}
