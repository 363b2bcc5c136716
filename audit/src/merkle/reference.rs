//! The recursion of RFC 6962 §2.1, word by word and slow: the oracle of the tests.
#![expect(
    clippy::arithmetic_side_effects,
    reason = "the oracle is the formula of the RFC"
)]

use super::Hash;

/// `count` different leaf hashes.
pub(crate) fn leaves(count: usize) -> Vec<Hash> {
    (0..count)
        .map(|index| Hash::leaf(&index.to_be_bytes()))
        .collect()
}

/// MTH(D\[n\]).
pub(crate) fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::empty(),
        [leaf] => *leaf,
        _ => {
            let mut split = 1;
            while split * 2 < leaves.len() {
                split *= 2;
            }
            Hash::node(&root(&leaves[..split]), &root(&leaves[split..]))
        }
    }
}
