use proptest::prelude::*;

use super::super::reference;
use super::*;

mod published;

proptest! {
    #[test]
    fn every_leaf_of_every_tree_is_proven_and_no_other_is(
        (size, index) in (1_usize..=600).prop_flat_map(|size| (Just(size), 0..size)),
    ) {
        let leaves = reference::leaves(size);
        let root = reference::root(&leaves);
        let proof = inclusion_proof(&leaves, index).unwrap();
        let (index64, size64) = (index as u64, size as u64);
        prop_assert_eq!(verify_inclusion(leaves[index], index64, size64, &proof, root), Ok(()));
        prop_assert!(verify_inclusion(Hash::empty(), index64, size64, &proof, root).is_err());
        let mut long = proof.clone();
        long.push(root);
        prop_assert!(verify_inclusion(leaves[index], index64, size64, &long, root).is_err());
        if let Some((_, short)) = proof.split_last() {
            prop_assert!(verify_inclusion(leaves[index], index64, size64, short, root).is_err());
        }
    }

    #[test]
    fn every_prefix_is_proven_and_no_other_tree_is(
        (size, older) in (1_usize..=600).prop_flat_map(|size| (Just(size), 1..=size)),
    ) {
        let leaves = reference::leaves(size);
        let new = (size as u64, reference::root(&leaves));
        let old = (older as u64, reference::root(&leaves[..older]));
        let proof = consistency_proof(&leaves, older).unwrap();
        prop_assert_eq!(verify_consistency(old, new, &proof), Ok(()));
        prop_assert!(verify_consistency((old.0, Hash::empty()), new, &proof).is_err());
        prop_assert!(verify_consistency(old, (new.0, Hash::empty()), &proof).is_err());
        let mut long = proof.clone();
        long.push(new.1);
        prop_assert!(verify_consistency(old, new, &long).is_err());
    }
}

proptest! {
    #[test]
    fn the_frontier_and_the_growth_give_the_same_proof_as_all_leaves(
        (size, older) in (1_usize..=600).prop_flat_map(|size| (Just(size), 0..=size)),
    ) {
        let leaves = reference::leaves(size);
        let mut frontier = Frontier::new();
        for leaf in &leaves[..older] {
            frontier.append(*leaf);
        }
        prop_assert_eq!(
            growth_proof(&frontier, &leaves[older..]),
            consistency_proof(&leaves, older)
        );
    }
}

#[test]
fn positions_outside_the_tree_have_no_proof() {
    let leaves = reference::leaves(5);
    assert_eq!(inclusion_proof(&leaves, 5), None);
    assert_eq!(consistency_proof(&leaves, 0), None);
    assert_eq!(consistency_proof(&leaves, 6), None);
    assert_eq!(inclusion_proof(&[], 0), None);
}
