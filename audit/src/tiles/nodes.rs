//! A tile with the nodes of the tree above its hashes.

use super::hash_tile::HashTile;
use crate::merkle::Hash;

/// Every perfect subtree over the hashes of a tile: 511 hashes for a full one. A proof needs one of each
/// height, so making them all costs what that proof costs, and nothing is left to do for the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TileNodes(Vec<Vec<Hash>>);

impl TileNodes {
    /// Computes the nodes.
    #[must_use]
    pub fn new(tile: &HashTile) -> Self {
        let mut heights = vec![tile.hashes().to_vec()];
        while let Some(below) = heights.last().filter(|below| below.len() > 1) {
            let (pairs, _unpaired) = below.as_chunks::<2>();
            let above = pairs.iter().map(|[left, right]| Hash::node(left, right));
            let above: Vec<Hash> = above.collect();
            heights.push(above);
        }
        Self(heights)
    }

    /// Root of the `index`-th run of 2^height hashes; `None` where they are not all there.
    #[must_use]
    pub fn get(&self, height: u32, index: u64) -> Option<Hash> {
        let nodes = self.0.get(usize::try_from(height).ok()?)?;
        nodes.get(usize::try_from(index).ok()?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::reference;

    #[test]
    fn every_perfect_subtree_of_a_tile_of_any_width_has_its_root_and_there_are_no_others() {
        for width in (1..=256).filter(|width| *width < 20 || width % 37 == 0 || *width > 250) {
            let leaves = reference::leaves(width);
            let nodes = TileNodes::new(&HashTile::new(leaves.clone()).unwrap());
            for height in 0..=9 {
                let runs = leaves.chunks_exact(1 << height);
                let count = runs.len() as u64;
                for (index, run) in (0..).zip(runs) {
                    assert_eq!(nodes.get(height, index), Some(reference::root(run)));
                }
                assert_eq!(nodes.get(height, count), None, "{width} at {height}");
            }
        }
    }
}
