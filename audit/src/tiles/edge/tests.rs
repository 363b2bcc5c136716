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
