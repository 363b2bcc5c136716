//! Inclusion and consistency proofs.

use crate::merkle::{
    Frontier, Hash, consistency_proof, inclusion_proof, verify_consistency, verify_inclusion,
};

/// The input is a tree's size, a position, the size of an older tree, and a proof.
///
/// At a position there is one proof that holds, and it is the one that is made; it holds for no
/// other leaf, position or root. The same is true of the step from an older tree. A frontier is
/// read as it was written.
///
/// # Panics
/// When the input breaks the law.
#[must_use]
pub fn proof(data: &[u8]) -> bool {
    let Some((&[size, index, older], proof)) = data.split_first_chunk::<3>() else {
        return false;
    };
    let shown: Vec<Hash> = proof
        .as_chunks::<32>()
        .0
        .iter()
        .copied()
        .map(Hash)
        .collect();
    if let Ok(frontier) = Frontier::from_bytes(u64::from(size) << (older % 57), proof) {
        assert_eq!(frontier.to_bytes(), proof);
    }
    let size = size % 65;
    let leaves: Vec<Hash> = (0..size).map(|leaf| Hash::leaf(&[leaf])).collect();
    let included = is_included(&leaves, index, &shown);
    let consistent = is_consistent(&leaves, older, &shown);
    included || consistent
}

fn root(leaves: &[Hash]) -> Hash {
    let mut frontier = Frontier::new();
    for leaf in leaves {
        frontier.append(*leaf);
    }
    frontier.root()
}

fn is_included(leaves: &[Hash], index: u8, shown: &[Hash]) -> bool {
    let size = u64::try_from(leaves.len()).unwrap_or_default();
    let (root, leaf) = (root(leaves), Hash::leaf(&[index]));
    let made = inclusion_proof(leaves, index.into());
    let holds =
        |leaf, index: u64, proof: &[Hash]| verify_inclusion(leaf, index, size, proof, root).is_ok();
    assert_eq!(made.is_some(), u64::from(index) < size);
    if let Some(made) = &made {
        assert!(holds(leaf, index.into(), made));
        assert!(!holds(Hash::leaf(b"another"), index.into(), made));
        for other in (0..size).filter(|other| *other != u64::from(index)) {
            assert!(!holds(leaf, other, made), "at {other} of {size}");
        }
    }
    let accepted = holds(leaf, index.into(), shown);
    assert_eq!(accepted, made.as_deref() == Some(shown), "one proof holds");
    accepted
}

fn is_consistent(leaves: &[Hash], older: u8, shown: &[Hash]) -> bool {
    let size = u64::try_from(leaves.len()).unwrap_or_default();
    let made = consistency_proof(leaves, older.into());
    let before = leaves.get(..older.into()).map_or_else(Hash::empty, root);
    let holds = |before, proof: &[Hash]| {
        verify_consistency((older.into(), before), (size, root(leaves)), proof).is_ok()
    };
    assert_eq!(made.is_some(), (1..=size).contains(&older.into()));
    if let Some(made) = &made {
        assert!(holds(before, made));
        assert!(!holds(Hash::leaf(b"another"), made));
    }
    let accepted = holds(before, shown);
    assert_eq!(accepted, made.as_deref() == Some(shown), "one proof holds");
    accepted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seed(head: [u8; 3], proof: &[Hash]) -> Vec<u8> {
        let hashes = proof.iter().flat_map(|hash| hash.0);
        head.into_iter().chain(hashes).collect()
    }

    #[test]
    fn seeds_are_read_as_their_names_say() {
        let leaves: Vec<Hash> = (0..11).map(|leaf| Hash::leaf(&[leaf])).collect();
        let included = inclusion_proof(&leaves, 6).unwrap();
        let consistent = consistency_proof(&leaves, 5).unwrap();
        let seeds = [
            ("good-included", seed([11, 6, 0], &included)),
            ("good-consistent", seed([11, 255, 5], &consistent)),
            ("good-same", seed([11, 255, 11], &[])),
            ("good-one", seed([1, 0, 0], &[])),
            ("bad-position", seed([11, 7, 0], &included)),
            ("bad-short", seed([11, 6, 0], &included[1..])),
            ("bad-older", seed([11, 255, 6], &consistent)),
            ("bad-empty", seed([0, 0, 0], &[])),
        ];
        caracal_seeds::hold("proof", &seeds, proof).unwrap();
    }
}
