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
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::merkle::reference;
    use crate::tiles::grown;

    #[test]
    fn every_size_up_to_600_has_the_root_of_the_recursion_and_goes_on_from_its_tiles() {
        let leaves = reference::leaves(600);
        let mut edge = TileEdge::new();
        for size in 0..=leaves.len() {
            assert_eq!(edge.root(), reference::root(&leaves[..size]), "size {size}");
            let tiles: Vec<_> = edge.partials().map(|(_, tile)| tile).collect();
            let mut again = TileEdge::from_tiles(edge.size(), &tiles).unwrap();
            assert_eq!(again.root(), edge.root());
            if let Some(leaf) = leaves.get(size) {
                assert_eq!(again.append(*leaf), edge.append(*leaf));
                assert_eq!(again.root(), edge.root());
            }
        }
    }

    #[test]
    fn growing_past_65_536_makes_every_tile_once_under_its_name() {
        let leaves = reference::leaves(66_000);
        let mut edge = TileEdge::new();
        let mut made = BTreeMap::new();
        let mut frontier = Frontier::new();
        for leaf in &leaves {
            frontier.append(*leaf);
            for FullTile { path, tile, root } in edge.append(*leaf) {
                assert_eq!(tile.root(), root);
                assert_eq!(made.insert(path, tile), None);
            }
        }
        made.extend(edge.partials());
        assert_eq!(edge.root(), frontier.root());
        let names = (0..=MAX_LEVEL).flat_map(|level| grown(Kind::Hashes(level), 0, 66_000));
        assert!(made.keys().copied().eq(names));
        for (path, tile) in made {
            assert_eq!(tile.width(), path.width());
            let span = 256_usize.pow(path.kind().level().into());
            let start = usize::try_from(path.start()).unwrap();
            for (position, hash) in tile.hashes().iter().enumerate() {
                let first = (start + position) * span;
                let expected = reference::root(&leaves[first..first + span]);
                assert_eq!(*hash, expected, "{path} at {position}");
            }
        }
    }

    #[test]
    fn tiles_of_another_size_are_no_edge() {
        let tile = |width| HashTile::new(reference::leaves(width)).unwrap();
        assert!(TileEdge::from_tiles(0, &[]).is_ok());
        assert!(TileEdge::from_tiles(257, &[tile(1), tile(1)]).is_ok());
        assert_eq!(TileEdge::from_tiles(0, &[tile(1)]), Err(EdgeError(0)));
        assert_eq!(TileEdge::from_tiles(1, &[]), Err(EdgeError(1)));
        assert_eq!(TileEdge::from_tiles(257, &[tile(1)]), Err(EdgeError(257)));
        assert_eq!(
            TileEdge::from_tiles(256, &[tile(1), tile(1)]),
            Err(EdgeError(256))
        );
        assert_eq!(
            TileEdge::from_tiles(258, &[tile(1), tile(1)]),
            Err(EdgeError(258))
        );
    }

    proptest! {
        #[test]
        fn the_edge_of_a_tree_of_any_size_is_that_of_its_frontier_and_grows_as_it(
            size in 1_u64..u64::MAX - 600,
            bits in 0_u32..63,
            more in 1_usize..300,
        ) {
            let size = (size >> bits).max(1);
            let mut made = reference::leaves(8 * 256).into_iter();
            let tiles: Vec<_> = TileEdge::paths(size)
                .map(|path| HashTile::new(made.by_ref().take(path.width().get().into()).collect()).unwrap())
                .collect();
            let mut edge = TileEdge::from_tiles(size, &tiles).unwrap();
            // From the top: the peaks of each level's hashes.
            let peaks: Vec<u8> = tiles.iter().rev().flat_map(|tile| {
                let mut frontier = Frontier::new();
                for hash in tile.hashes() {
                    frontier.append(*hash);
                }
                frontier.to_bytes()
            }).collect();
            let mut frontier = Frontier::from_bytes(size, &peaks).unwrap();
            for leaf in reference::leaves(more) {
                edge.append(leaf);
                frontier.append(leaf);
                prop_assert_eq!(edge.root(), frontier.root());
                prop_assert_eq!(edge.size(), frontier.size());
            }
        }
    }
}
