//! A consistency proof from the edge of the older tree and the leaves since.

use super::{Frontier, Hash, root};

/// PROOF(m, D\[n\]) as [`consistency_proof`](super::consistency_proof) makes it, from the frontier of
/// the older tree and the leaves that were appended to it: the cost is that of the growth, not of the
/// tree. `None` for an empty older tree, about which there is nothing to prove.
#[must_use]
pub fn growth_proof(older: &Frontier, appended: &[Hash]) -> Option<Vec<Hash>> {
    let larger = older.size().checked_add(appended.len().try_into().ok()?)?;
    if older.size() == 0 {
        return None;
    }
    let range = Range {
        older: older.size(),
        size: larger,
        peaks: older.peaks(),
        appended,
    };
    range.proof(true)
}

/// A subtree of the larger tree that the older one reaches into.
struct Range<'a> {
    /// Leaves of it in the older tree, at least one.
    older: u64,
    /// Leaves of it.
    size: u64,
    /// Roots of the perfect subtrees that the older leaves make up.
    peaks: &'a [Hash],
    /// The other leaves.
    appended: &'a [Hash],
}

impl Range<'_> {
    /// `known`: the verifier holds the root of the older leaves, as the older tree's root.
    fn proof(&self, known: bool) -> Option<Vec<Hash>> {
        let Self {
            older,
            size,
            peaks,
            appended,
        } = *self;
        if older == size {
            return match (known, peaks) {
                (true, _) => Some(Vec::new()),
                // Turned left at its size, it is perfect: one peak.
                (false, [peak]) => Some(vec![*peak]),
                (false, _) => None,
            };
        }
        // The largest power of two below the size: where RFC 9162 §2.1.4.1 splits.
        let split = 1_u64.checked_shl(size.checked_sub(1)?.checked_ilog2()?)?;
        let (mut proof, sibling) = if older <= split {
            let kept = usize::try_from(split.checked_sub(older)?).ok()?;
            let (left, right) = appended.split_at_checked(kept)?;
            let range = Range {
                size: split,
                appended: left,
                ..*self
            };
            (range.proof(known)?, root(right))
        } else {
            let (full, rest) = peaks.split_first()?;
            let range = Range {
                older: older.checked_sub(split)?,
                size: size.checked_sub(split)?,
                peaks: rest,
                appended,
            };
            (range.proof(false)?, *full)
        };
        proof.push(sibling);
        Some(proof)
    }
}
