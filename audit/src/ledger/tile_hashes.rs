//! The levels of the tree above the leaf hashes, stored as it grows: the hashes of its tiles.
//!
//! Appending an entry computes the roots of the subtrees that it completes anyway. Those of 256, 65,536
//! and so on entries are kept: one row for 256 entries.

use sqlx::AnyConnection;

use super::state::signed;
use crate::merkle::{Frontier, Hash};
use crate::tiles::TILE_WIDTH;

/// One hash of a tile above level 0: the root of a full tile of the level below.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TileHash {
    /// From 1 on.
    pub(super) level: u32,
    /// Its place in the level.
    pub(super) index: u64,
    pub(super) hash: Hash,
}

/// Appends a leaf to a tree, and notes which tiles it made full.
pub(super) fn append(tree: &mut Frontier, leaf: Hash, completed: &mut Vec<TileHash>) {
    let size = tree.size().saturating_add(1);
    tree.append_noting(leaf, |height, hash| {
        let bits = TILE_WIDTH.ilog2();
        if height.is_multiple_of(bits) {
            let index = (size >> height).saturating_sub(1);
            let level = height.checked_div(bits).unwrap_or(0);
            completed.push(TileHash { level, index, hash });
        }
    });
}

/// Stores what a transaction completed. A row that is there already stays: should it be wrong, no proof
/// is given out over it, and the log goes on.
pub(super) async fn insert(
    connection: &mut AnyConnection,
    zone: &str,
    completed: &[TileHash],
) -> Result<(), sqlx::Error> {
    for TileHash { level, index, hash } in completed {
        sqlx::query(
            "INSERT INTO tile_hashes (zone, level, idx, hash) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (zone, level, idx) DO NOTHING",
        )
        .bind(zone.to_owned())
        .bind(i64::from(*level))
        .bind(signed(*index))
        .bind(hash.0.to_vec())
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::reference;
    use crate::tiles::{Kind, TileEdge};

    #[test]
    fn what_is_noted_are_the_roots_of_the_tiles_that_became_full() {
        let leaves = reference::leaves(66_000);
        let (mut tree, mut edge) = (Frontier::new(), TileEdge::new());
        let (mut noted, mut expected) = (Vec::new(), Vec::new());
        for leaf in leaves {
            append(&mut tree, leaf, &mut noted);
            expected.extend(edge.append(leaf).into_iter().map(|full| {
                let Kind::Hashes(level) = full.path.kind() else {
                    panic!("a tile of hashes");
                };
                TileHash {
                    level: u32::from(level) + 1,
                    index: full.path.index(),
                    hash: full.root,
                }
            }));
        }
        assert_eq!(noted.len(), 257 + 1);
        assert_eq!(noted, expected);
        assert_eq!(tree.root(), edge.root());
    }
}
