//! Signed states of a log beside its entries, as an export has them.

use serde::{Deserialize, Serialize};

use crate::merkle::{Frontier, Hash};
use crate::note::{MAX_NOTE_BYTES, parse_size};

/// Longest line of the file, far above any: a note, which JSON may make twice as long, and 64 hashes.
pub(crate) const MAX_LINE_BYTES: usize = 4 * MAX_NOTE_BYTES;

/// A line of `checkpoints.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignedState {
    /// The frontier at this size, as [`peaks`] spells it. It leads to the signed root, so that nobody
    /// has to sign it.
    pub(crate) frontier: Vec<String>,
    /// The signed note, with the cosignatures that there are.
    pub(crate) note: String,
    /// Its number of entries.
    pub(crate) size: u64,
}

impl SignedState {
    /// The frontier, if it is one of a tree of this size.
    pub(crate) fn frontier(&self) -> Option<Frontier> {
        frontier(self.size, self.frontier.iter().map(String::as_str))
    }
}

/// The roots of a frontier, largest first, in padded base64 as checkpoints spell theirs.
pub(super) fn peaks(frontier: &Frontier) -> Vec<String> {
    let bytes = frontier.to_bytes();
    let (peaks, _) = bytes.as_chunks::<32>();
    peaks.iter().map(|peak| Hash(*peak).to_base64()).collect()
}

fn frontier<'a>(size: u64, peaks: impl Iterator<Item = &'a str>) -> Option<Frontier> {
    let peaks: Option<Vec<Hash>> = peaks.map(Hash::from_base64).collect();
    let bytes: Vec<u8> = peaks?.iter().flat_map(|peak| peak.0).collect();
    Frontier::from_bytes(size, &bytes).ok()
}

/// The file `frontier`: the number of entries before, then the roots of the perfect subtrees over them,
/// largest first; a line each.
pub(super) fn frontier_text(frontier: &Frontier) -> String {
    let peaks = peaks(frontier).join("\n");
    format!("{}\n{peaks}\n", frontier.size())
}

/// Reads the file `frontier`.
pub(crate) fn read_frontier(text: &str) -> Option<Frontier> {
    let mut lines = text.strip_suffix('\n')?.split('\n');
    let size = parse_size(lines.next()?).filter(|size| *size > 0)?;
    frontier(size, lines)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::merkle::reference;

    #[test]
    fn a_frontier_reads_back_and_with_a_line_more_or_less_it_does_not() {
        let mut tree = Frontier::new();
        for leaf in reference::leaves(300) {
            tree.append(leaf);
            let text = frontier_text(&tree);
            assert_eq!(read_frontier(&text).as_ref(), Some(&tree));
            let (shorter, _) = text.trim_end().rsplit_once('\n').unwrap();
            for other in [shorter, &text[..text.len() - 1], &format!("{text}\n")] {
                assert_eq!(read_frontier(other), None);
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_frontier_or_none(text in "[0-9]{0,20}\n([A-Za-z0-9+/=]{0,44}\n){0,4}") {
            if let Some(tree) = read_frontier(&text) {
                prop_assert_eq!(frontier_text(&tree), text);
            }
        }
    }
}
