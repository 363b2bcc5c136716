//! Inclusion and consistency proofs (RFC 9162 §2.1.3 and §2.1.4) over leaf hashes in memory.

mod growth;

use super::{Frontier, Hash};
pub use growth::growth_proof;

/// Why a proof does not prove what it is shown for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The leaf is not in a tree of that size, or the older tree is empty or the larger one.
    #[error("the proof is for a position that such a tree does not have")]
    Position,
    /// More or fewer hashes than the position needs.
    #[error("the proof has the wrong number of hashes")]
    Length,
    /// It leads to another root.
    #[error("the proof leads to another root")]
    Root,
}

fn root(leaves: &[Hash]) -> Hash {
    let mut frontier = Frontier::new();
    for leaf in leaves {
        frontier.append(*leaf);
    }
    frontier.root()
}

/// Splits at the largest power of two below the length; `None` for fewer than two leaves.
fn split(leaves: &[Hash]) -> Option<(&[Hash], &[Hash])> {
    let last = leaves.len().checked_sub(1)?.checked_ilog2()?;
    leaves.split_at_checked(1_usize.checked_shl(last)?)
}

/// PATH(m, D\[n\]): proves that the leaf at `index` is in the tree. `None` if it is not.
#[must_use]
pub fn inclusion_proof(leaves: &[Hash], index: usize) -> Option<Vec<Hash>> {
    let Some((left, right)) = split(leaves) else {
        return (index < leaves.len()).then(Vec::new);
    };
    let (mut path, sibling) = match index.checked_sub(left.len()) {
        None => (inclusion_proof(left, index)?, right),
        Some(index) => (inclusion_proof(right, index)?, left),
    };
    path.push(root(sibling));
    Some(path)
}

/// PROOF(m, D\[n\]): proves that the first `older` leaves are a prefix of the tree. `None` for an
/// empty older tree, about which there is nothing to prove, and for one larger than this.
#[must_use]
pub fn consistency_proof(leaves: &[Hash], older: usize) -> Option<Vec<Hash>> {
    if older == 0 || older > leaves.len() {
        return None;
    }
    Some(subproof(leaves, older, true))
}

/// `known`: the verifier holds the root of this very subtree, as the older tree's root.
fn subproof(leaves: &[Hash], older: usize, known: bool) -> Vec<Hash> {
    if older == leaves.len() {
        return if known {
            Vec::new()
        } else {
            vec![root(leaves)]
        };
    }
    let Some((left, right)) = split(leaves) else {
        return Vec::new();
    };
    let (mut proof, sibling) = match older.checked_sub(left.len()) {
        None | Some(0) => (subproof(left, older, known), right),
        Some(rest) => (subproof(right, rest, false), left),
    };
    proof.push(root(sibling));
    proof
}

/// Checks an inclusion proof (RFC 9162 §2.1.3.2).
pub fn verify_inclusion(
    leaf: Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    expected: Hash,
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::Position);
    }
    let (mut first, mut last) = (index, size.saturating_sub(1));
    let mut node = leaf;
    for sibling in proof {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if first & 1 == 1 || first == last {
            node = Hash::node(sibling, &node);
            while first & 1 == 0 && first != 0 {
                (first, last) = (first >> 1, last >> 1);
            }
        } else {
            node = Hash::node(&node, sibling);
        }
        (first, last) = (first >> 1, last >> 1);
    }
    match (last == 0, node == expected) {
        (false, _) => Err(ProofError::Length),
        (true, false) => Err(ProofError::Root),
        (true, true) => Ok(()),
    }
}

/// Checks a consistency proof (RFC 9162 §2.1.4.2).
pub fn verify_consistency(
    (older, older_root): (u64, Hash),
    (newer, newer_root): (u64, Hash),
    proof: &[Hash],
) -> Result<(), ProofError> {
    if older == 0 || older > newer {
        return Err(ProofError::Position);
    }
    if older == newer {
        return match (proof.is_empty(), older_root == newer_root) {
            (false, _) => Err(ProofError::Length),
            (true, false) => Err(ProofError::Root),
            (true, true) => Ok(()),
        };
    }
    let (mut first, mut last) = (older.saturating_sub(1), newer.saturating_sub(1));
    while first & 1 == 1 {
        (first, last) = (first >> 1, last >> 1);
    }
    // The proof leaves the first hash out when it is the older root itself.
    let (seed, rest) = if older.is_power_of_two() {
        (older_root, proof)
    } else {
        let (seed, rest) = proof.split_first().ok_or(ProofError::Length)?;
        (*seed, rest)
    };
    let (mut old, mut new) = (seed, seed);
    for hash in rest {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if first & 1 == 1 || first == last {
            (old, new) = (Hash::node(hash, &old), Hash::node(hash, &new));
            while first & 1 == 0 && first != 0 {
                (first, last) = (first >> 1, last >> 1);
            }
        } else {
            new = Hash::node(&new, hash);
        }
        (first, last) = (first >> 1, last >> 1);
    }
    match (last == 0, old == older_root && new == newer_root) {
        (false, _) => Err(ProofError::Length),
        (true, false) => Err(ProofError::Root),
        (true, true) => Ok(()),
    }
}

#[cfg(test)]
mod tests;
