//! The right edge of a growing tree, tile by tile: what has to be known to go on writing tiles.

use super::extent;
use super::hash_tile::HashTile;
use super::path::{Kind, LEVEL_BITS, MAX_LEVEL, TilePath, Width};
use crate::merkle::{Frontier, Hash};

/// The hashes of the partial tile of each level, from the leaves up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TileEdge {
    size: u64,
    levels: Vec<Vec<Hash>>,
}

/// A tile that an entry made full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FullTile {
    /// Its name.
    pub path: TilePath,
    /// Its hashes.
    pub tile: HashTile,
    /// Its root, which is a hash of the level above.
    pub root: Hash,
}

/// Why tiles are not the edge of a tree of that size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the partial tiles are not those of a tree with {0} entries")]
pub struct EdgeError(pub u64);

impl TileEdge {
    /// That of the tree without entries.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The names of the tiles that make up the edge of a tree of `size` entries.
    pub fn paths(size: u64) -> impl Iterator<Item = TilePath> {
        (0..=MAX_LEVEL).filter_map(move |level| extent::partial(level, size))
    }

    /// The edge of a tree of `size` entries from the tiles of [`Self::paths`], in that order.
    pub fn from_tiles(size: u64, tiles: &[HashTile]) -> Result<Self, EdgeError> {
        let mut levels = Vec::new();
        let mut tiles = tiles.iter();
        for path in Self::paths(size) {
            let tile = tiles.next().filter(|tile| tile.width() == path.width());
            levels.resize(path.kind().level().into(), Vec::new());
            levels.push(tile.ok_or(EdgeError(size))?.hashes().to_vec());
        }
        match tiles.next() {
            None => Ok(Self { size, levels }),
            Some(_) => Err(EdgeError(size)),
        }
    }

    /// Number of entries.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Appends an entry by its leaf hash, and gives the tiles that it made full, from the leaves up.
    pub fn append(&mut self, leaf: Hash) -> Vec<FullTile> {
        let mut full = Vec::new();
        let mut hash = leaf;
        for level in 0..=MAX_LEVEL {
            let at = usize::from(level);
            if self.levels.len() <= at {
                self.levels.push(Vec::new());
            }
            let Some(hashes) = self.levels.get_mut(at) else {
                break;
            };
            hashes.push(hash);
            if hashes.len() < Width::FULL.as_usize() {
                break;
            }
            let kind = Kind::Hashes(level);
            let bits = kind.shift().saturating_add(LEVEL_BITS);
            let index = self.size.checked_shr(bits).unwrap_or(0);
            let tile = HashTile::new(std::mem::take(hashes));
            let (Some(path), Some(tile)) = (TilePath::new(kind, index, Width::FULL), tile) else {
                break;
            };
            hash = tile.root();
            full.push(FullTile {
                path,
                tile,
                root: hash,
            });
        }
        self.size = self.size.saturating_add(1);
        full
    }

    /// The partial tiles.
    pub fn partials(&self) -> impl Iterator<Item = (TilePath, HashTile)> {
        Self::paths(self.size).filter_map(|path| {
            let hashes = self.levels.get(usize::from(path.kind().level()))?;
            Some((path, HashTile::new(hashes.clone())?))
        })
    }

    /// Root of the tree. What a level has is some of the perfect subtrees that the tree is made of,
    /// and those of all levels are all of them.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut peaks = Vec::new();
        for hashes in self.levels.iter().rev() {
            let mut frontier = Frontier::new();
            for hash in hashes {
                frontier.append(*hash);
            }
            peaks.extend(frontier.to_bytes());
        }
        // There are as many as the size has bits: 8 of them are the count of each level.
        Frontier::from_bytes(self.size, &peaks).map_or_else(|_| Hash::empty(), |all| all.root())
    }
}

#[cfg(test)]
mod tests;
