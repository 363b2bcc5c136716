//! Which parts of a tree a proof is made of, by their ranges of leaves (RFC 9162 §2.1.3.1, §2.1.4.1).
//!
//! Each part is what the recursion of the RFC splits off: its first leaf is a multiple of a power of
//! two that is no smaller than its length. So it is made of perfect subtrees, one for each bit of
//! its length, the largest first.

use std::ops::Range;

/// A perfect subtree: the root of the `index`-th run of 2^height leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) height: u32,
    pub(super) index: u64,
}

/// Largest power of two below the length of the range; `None` for fewer than two leaves.
fn split(range: &Range<u64>) -> Option<u64> {
    let last = range.end.checked_sub(range.start)?.checked_sub(1)?;
    let left = 1_u64.checked_shl(last.checked_ilog2()?)?;
    range.start.checked_add(left)
}

/// The siblings along the way from a leaf to the root, from the leaf up. Nothing for an index that is
/// not in the tree.
pub(super) fn inclusion(index: u64, size: u64) -> Vec<Range<u64>> {
    let mut siblings = Vec::new();
    if index >= size {
        return siblings;
    }
    let mut tree = 0..size;
    while let Some(middle) = split(&tree) {
        let (left, right) = (tree.start..middle, middle..tree.end);
        let sibling;
        (tree, sibling) = if index < middle {
            (left, right)
        } else {
            (right, left)
        };
        siblings.push(sibling);
    }
    siblings.reverse();
    siblings
}

/// What leads from the root of the first `older` leaves to that of the tree, in the order of the
/// proof. Nothing for an older tree that is empty, the same, or larger.
pub(super) fn consistency(older: u64, size: u64) -> Vec<Range<u64>> {
    let mut parts = Vec::new();
    if older == 0 || older >= size {
        return parts;
    }
    let mut tree = 0..size;
    // Whether the subtree begins with the first leaf: then its root is the older tree's own.
    let mut known = true;
    while older < tree.end {
        let Some(middle) = split(&tree) else {
            break;
        };
        if older <= middle {
            parts.push(middle..tree.end);
            tree.end = middle;
        } else {
            parts.push(tree.start..middle);
            tree.start = middle;
            known = false;
        }
    }
    if !known {
        parts.push(tree);
    }
    parts.reverse();
    parts
}

/// The perfect subtrees that such a range is made of, from the left.
pub(super) fn nodes(range: &Range<u64>) -> Vec<Node> {
    let length = range.end.saturating_sub(range.start);
    let mut first = range.start;
    let heights = (0..u64::BITS)
        .rev()
        .filter(|height| length >> height & 1 == 1);
    heights
        .map(|height| {
            let node = Node {
                height,
                index: first >> height,
            };
            first = first.saturating_add(1_u64 << height);
            node
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sizes() -> impl Strategy<Value = u64> {
        (1..=u64::MAX, 0_u32..64).prop_map(|(size, bits)| (size >> bits).max(1))
    }

    fn pairs() -> impl Strategy<Value = (u64, u64)> {
        (sizes(), any::<u64>())
            .prop_map(|(size, other)| (size, other.checked_rem(size).unwrap_or(0)))
    }

    fn covers(mut ranges: Vec<Range<u64>>, size: u64) -> bool {
        ranges.sort_by_key(|range| range.start);
        let mut end = 0;
        ranges.iter().all(|range| {
            let follows = range.start == end && !range.is_empty();
            end = range.end;
            follows
        }) && end == size
    }

    proptest! {
        #[test]
        fn a_leaf_and_its_siblings_are_the_whole_tree((size, index) in pairs()) {
            let mut ranges = inclusion(index, size);
            prop_assert!(ranges.len() <= 64);
            ranges.push(index..index.saturating_add(1));
            prop_assert!(covers(ranges, size));
        }

        #[test]
        fn the_parts_of_a_consistency_proof_are_the_whole_tree_and_split_at_the_older(
            (size, older) in pairs(),
        ) {
            prop_assume!(older > 0);
            let mut ranges = consistency(older, size);
            prop_assert!(ranges.iter().all(|range| range.end <= older || range.start >= older));
            // Left out where it is the older root itself.
            if older.is_power_of_two() {
                ranges.push(0..older);
            }
            prop_assert!(covers(ranges, size));
        }

        #[test]
        fn the_nodes_of_a_part_are_the_part((size, index) in pairs()) {
            for range in inclusion(index, size) {
                let nodes = nodes(&range);
                let leaves = nodes.iter().map(|node| {
                    let first = node.index << node.height;
                    first..first.saturating_add(1 << node.height)
                });
                let mut end = range.start;
                for leaves in leaves {
                    prop_assert_eq!(leaves.start, end);
                    end = leaves.end;
                }
                prop_assert_eq!(end, range.end);
                prop_assert!(nodes.is_sorted_by(|one, next| one.height > next.height));
            }
        }
    }
}
