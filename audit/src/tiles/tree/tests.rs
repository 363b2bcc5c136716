use std::collections::HashMap;
use std::convert::Infallible;

use proptest::prelude::*;

use super::*;
use crate::merkle::{consistency_proof, inclusion_proof, reference};
use crate::tiles::{Kind, TileEdge, Width};

/// A log in memory.
#[derive(Default)]
struct Files(HashMap<TilePath, Vec<u8>>);

impl TileReader for Files {
    type Error = Infallible;

    async fn read(&self, path: TilePath) -> Result<Option<Vec<u8>>, Infallible> {
        Ok(self.0.get(&path).cloned())
    }
}

impl Files {
    /// The tiles of a tree with these leaves.
    fn of(leaves: &[Hash]) -> (Self, TileEdge) {
        let (mut files, mut edge) = (Self::default(), TileEdge::new());
        for leaf in leaves {
            for full in edge.append(*leaf) {
                files.0.insert(full.path, full.tile.to_bytes());
            }
        }
        for (path, tile) in edge.partials() {
            files.0.insert(path, tile.to_bytes());
        }
        (files, edge)
    }
}

fn checkpoint(edge: &TileEdge) -> Checkpoint {
    Checkpoint {
        origin: "audit.example/zone".to_owned(),
        size: edge.size(),
        root: edge.root(),
    }
}

#[tokio::test]
async fn the_published_leaves_give_the_published_roots_and_proofs() {
    // Roots of transparency-dev/merkle (testonly), for the first 1 to 8 of its leaves.
    let inputs = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ];
    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let leaves = inputs.map(|input| Hash::leaf(&bytes_of(input)));
    for (size, root) in (1..).zip(roots) {
        let (files, edge) = Files::of(&leaves[..size]);
        let tree = TiledTree::new(&files, &checkpoint(&edge));
        assert_eq!(tree.root().await.unwrap().to_string(), root);
        for index in 0..size {
            let inclusion = tree.inclusion(index as u64).await.unwrap();
            assert_eq!(inclusion.leaf, leaves[index]);
            assert_eq!(
                Some(inclusion.proof),
                inclusion_proof(&leaves[..size], index)
            );
        }
    }
}

fn bytes_of(hex: &str) -> Vec<u8> {
    let pairs = hex.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// Positions of a tree that are tried: all of a small one, of a larger one some and the last.
fn positions(size: usize) -> impl Iterator<Item = usize> {
    let step = if size < 50 { 1 } else { 17 };
    (0..size).step_by(step).chain(size.saturating_sub(3)..size)
}

#[tokio::test]
async fn proofs_of_every_size_up_to_400_are_those_of_the_leaves() {
    let leaves = reference::leaves(400);
    let mut edges = vec![TileEdge::new()];
    for size in 1..=leaves.len() {
        let leaves = &leaves[..size];
        let (files, edge) = Files::of(leaves);
        let tree = TiledTree::new(&files, &checkpoint(&edge));
        edges.push(edge);
        for index in positions(size) {
            let inclusion = tree.inclusion(index as u64).await.unwrap();
            assert_eq!(inclusion.leaf, leaves[index]);
            assert_eq!(Some(inclusion.proof), inclusion_proof(leaves, index));
            let (older, root) = (index + 1, edges[index + 1].root());
            let proof = tree.consistency(older as u64, root).await.unwrap();
            assert_eq!(
                Some(proof),
                consistency_proof(leaves, older),
                "{older} of {size}"
            );
        }
    }
}

/// Runs a law on a tree of many leaves, without making it again for each case.
fn on_a_large_tree(size: usize, law: &impl AsyncFn(&[Hash], &TiledTree<'_, Files>)) {
    use std::sync::LazyLock;
    static LEAVES: LazyLock<Vec<Hash>> = LazyLock::new(|| reference::leaves(70_000));
    let leaves = &LEAVES[..size];
    let (files, edge) = Files::of(leaves);
    let tree = TiledTree::new(&files, &checkpoint(&edge));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(law(leaves, &tree));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn proofs_of_large_trees_are_those_of_the_leaves(
        size in prop_oneof![65_000_usize..66_000, 600_usize..70_000],
        place in 0.0..1.0_f64,
    ) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss,
            reason = "any place will do")]
        let index = (size as f64 * place) as usize;
        on_a_large_tree(size, &async |leaves, tree| {
            for index in [0, index, size.saturating_sub(1)] {
                let inclusion = tree.inclusion(index as u64).await.unwrap();
                assert_eq!(inclusion.leaf, leaves[index]);
                assert_eq!(Some(inclusion.proof), inclusion_proof(leaves, index));
            }
            for older in [1, index.max(1), size] {
                let root = reference::root(&leaves[..older]);
                let proof = tree.consistency(older as u64, root).await.unwrap();
                assert_eq!(Some(proof), consistency_proof(leaves, older));
            }
        });
    }
}

#[tokio::test]
async fn a_partial_tile_that_is_gone_is_read_from_the_full_one() {
    let leaves = reference::leaves(700);
    let (mut files, edge) = Files::of(&leaves[..300]);
    let partial = "tile/0/001.p/44".parse().unwrap();
    assert!(files.0.remove(&partial).is_some());
    let tree = TiledTree::new(&files, &checkpoint(&edge));
    let missing = tree.inclusion(299).await.unwrap_err();
    assert!(matches!(missing, TreeError::Missing(path) if path == partial));
    let (larger, _) = Files::of(&leaves);
    let full = partial.full();
    files.0.insert(full, larger.0[&full].clone());
    let tree = TiledTree::new(&files, &checkpoint(&edge));
    let inclusion = tree.inclusion(299).await.unwrap();
    assert_eq!(Some(inclusion.proof), inclusion_proof(&leaves[..300], 299));
}

#[tokio::test]
async fn a_position_outside_of_the_tree_is_refused_before_anything_is_read() {
    let files = Files::default();
    let tree = TiledTree::new(&files, &checkpoint(&Files::of(&reference::leaves(5)).1));
    assert!(matches!(tree.inclusion(5).await, Err(TreeError::Position)));
    assert!(matches!(
        tree.inclusion(u64::MAX).await,
        Err(TreeError::Position)
    ));
    for older in [0, 6, u64::MAX] {
        let refused = tree.consistency(older, Hash::empty()).await;
        assert!(matches!(refused, Err(TreeError::Position)));
    }
    assert!(matches!(
        tree.inclusion(4).await,
        Err(TreeError::Missing(_))
    ));
}

#[tokio::test]
async fn tiles_of_another_tree_prove_nothing() {
    let leaves = reference::leaves(300);
    let (mut files, edge) = Files::of(&leaves);
    let first = TilePath::new(Kind::Hashes(0), 0, Width::FULL).unwrap();
    files.0.get_mut(&first).unwrap()[32 * 9] ^= 1;
    let tree = TiledTree::new(&files, &checkpoint(&edge));
    // Its own hash, and as a sibling of others.
    for index in [8, 9, 200] {
        assert!(matches!(
            tree.inclusion(index).await,
            Err(TreeError::Root(ProofError::Root))
        ));
    }
    // Beside another tile it is not looked at: the level above has its root.
    assert!(tree.inclusion(299).await.is_ok());
    let older = Files::of(&leaves[..10]).1.root();
    assert!(matches!(
        tree.consistency(10, older).await,
        Err(TreeError::Root(_))
    ));
    assert!(matches!(
        tree.consistency(256, Hash::empty()).await,
        Err(TreeError::Root(_))
    ));
    files.0.get_mut(&first).unwrap().pop();
    let tree = TiledTree::new(&files, &checkpoint(&edge));
    assert!(
        matches!(tree.inclusion(0).await, Err(TreeError::Malformed { path, .. }) if path == first)
    );
}
