//! The right edge of a growing tree: all that is needed to append and to know the root.

use super::Hash;

/// The roots of the perfect subtrees that make up a tree, largest first: one for every set bit of
/// its size. Appending touches as many as the size has trailing ones.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

/// Why stored bytes are not the frontier of a tree of that size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a frontier of size {size} has {expected} hashes of 32 bytes, not {bytes} bytes")]
pub struct FrontierError {
    /// Size that was claimed.
    pub size: u64,
    /// Hashes that it needs.
    pub expected: u32,
    /// Bytes that were there.
    pub bytes: usize,
}

impl Frontier {
    /// The tree without leaves.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Roots of the perfect subtrees, largest first.
    pub(super) fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// Appends a leaf.
    pub fn append(&mut self, leaf: Hash) {
        self.append_noting(leaf, |_, _| {});
    }

    /// Appends a leaf, and tells of the perfect subtrees that it completes: the height of each, from 1
    /// on, and its root.
    pub fn append_noting(&mut self, leaf: Hash, mut completed: impl FnMut(u32, Hash)) {
        let mut node = leaf;
        // Every trailing one of the size is a perfect subtree that the new leaf completes to the
        // next larger one, as a carry does in binary addition.
        for height in 1..=self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                node = Hash::node(&left, &node);
                completed(height, node);
            }
        }
        self.peaks.push(node);
        self.size = self.size.saturating_add(1);
    }

    /// The root (RFC 6962 §2.1): the peaks folded from the right.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev().copied();
        match peaks.next() {
            None => Hash::empty(),
            Some(smallest) => peaks.fold(smallest, |right, left| Hash::node(&left, &right)),
        }
    }

    /// Whether both can be of one log: perfect subtrees that stand at the same place have the same root.
    #[must_use]
    pub fn agrees_with(&self, other: &Self) -> bool {
        // Peaks stand for the set bits of the size, so their places agree down to the first bit that differs.
        let differing = self.size ^ other.size;
        let shared = match differing.checked_ilog2() {
            None => self.size,
            Some(highest) => self
                .size
                .checked_shr(highest.saturating_add(1))
                .unwrap_or(0),
        };
        let shared = usize::try_from(shared.count_ones()).unwrap_or(0);
        let pairs = self.peaks.iter().zip(&other.peaks).take(shared);
        pairs.into_iter().all(|(own, others)| own == others)
    }

    /// The stored form: the peaks, one after the other.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.peaks.iter().flat_map(|peak| peak.0).collect()
    }

    /// Reads the stored form.
    pub fn from_bytes(size: u64, bytes: &[u8]) -> Result<Self, FrontierError> {
        let expected = size.count_ones();
        let (chunks, rest) = bytes.as_chunks::<32>();
        if !rest.is_empty() || u32::try_from(chunks.len()) != Ok(expected) {
            return Err(FrontierError {
                size,
                expected,
                bytes: bytes.len(),
            });
        }
        Ok(Self {
            size,
            peaks: chunks.iter().copied().map(Hash).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::reference;
    use super::*;

    const LEAF_INPUTS: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];

    #[test]
    fn the_published_leaves_give_the_published_root() {
        let mut frontier = Frontier::new();
        for input in LEAF_INPUTS {
            frontier.append(Hash::leaf(input));
        }
        assert_eq!(
            frontier.root().to_string(),
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
        );
    }

    #[test]
    fn every_size_up_to_600_has_the_root_of_the_recursion() {
        let leaves = reference::leaves(600);
        let mut frontier = Frontier::new();
        for size in 0..=leaves.len() {
            assert_eq!(
                frontier.root(),
                reference::root(&leaves[..size]),
                "size {size}"
            );
            let stored = Frontier::from_bytes(frontier.size(), &frontier.to_bytes()).unwrap();
            assert_eq!(stored, frontier);
            if let Some(leaf) = leaves.get(size) {
                frontier.append(*leaf);
            }
        }
    }

    #[test]
    fn sizes_of_one_log_agree_and_those_of_another_past_do_not() {
        let at = |leaves: &[Hash]| {
            let mut frontier = Frontier::new();
            for leaf in leaves {
                frontier.append(*leaf);
            }
            frontier
        };
        let leaves = reference::leaves(40);
        let mut other = leaves.clone();
        other[0] = Hash::leaf(b"another past");
        for one in 0..=leaves.len() {
            for two in 0..=leaves.len() {
                let (before, after) = (at(&leaves[..one]), at(&leaves[..two]));
                assert!(before.agrees_with(&after), "{one} and {two}");
                // Their largest subtree is the same one, and the changed leaf is in it.
                let shares = one > 0 && two > 0 && one.ilog2() == two.ilog2();
                let forked = before.agrees_with(&at(&other[..two]));
                assert_eq!(forked, !shares, "{one} and {two}");
            }
        }
    }

    #[test]
    fn a_frontier_of_the_wrong_length_is_refused() {
        assert!(Frontier::from_bytes(3, &[0; 32]).is_err());
        assert!(Frontier::from_bytes(1, &[0; 33]).is_err());
        assert!(Frontier::from_bytes(u64::MAX, &[]).is_err());
    }
}
