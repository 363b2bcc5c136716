//! Messages of a bounded size.

use caracal_proto::enforcement::Item;
use prost::Message as _;

/// Most items of one message.
const MAX_ITEMS: usize = 256;

/// Most encoded bytes of one message's items; a single larger item goes alone.
const MAX_BYTES: usize = 64 * 1024;

/// Cuts positioned items into runs that fit, in order.
pub(super) fn chunks(items: Vec<(u64, Item)>) -> Vec<Vec<(u64, Item)>> {
    let mut chunks = Vec::new();
    let mut chunk = Vec::new();
    let mut bytes = 0_usize;
    for (seq, item) in items {
        let size = item.encoded_len();
        let full = chunk.len() >= MAX_ITEMS || bytes.saturating_add(size) > MAX_BYTES;
        if full && !chunk.is_empty() {
            chunks.push(std::mem::take(&mut chunk));
            bytes = 0;
        }
        bytes = bytes.saturating_add(size);
        chunk.push((seq, item));
    }
    if !chunk.is_empty() {
        chunks.push(chunk);
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;
    use caracal_proto::enforcement::item::Item as Kind;

    fn item(bytes: usize) -> Item {
        Item {
            item: Some(Kind::KeyRemoved("k".repeat(bytes))),
        }
    }

    #[test]
    fn nothing_is_lost_reordered_or_too_large() {
        let sizes = [10, 70_000, 10, 30_000, 30_000, 30_000];
        let items: Vec<_> = (0..)
            .zip(sizes.map(item))
            .chain((6..600).map(|seq| (seq, item(1))))
            .collect();
        let cut = chunks(items);
        let order: Vec<u64> = cut.iter().flatten().map(|(seq, _)| *seq).collect();
        assert_eq!(order, (0..600).collect::<Vec<_>>());
        for chunk in cut {
            let bytes: usize = chunk.iter().map(|(_, item)| item.encoded_len()).sum();
            assert!(chunk.len() <= MAX_ITEMS && (bytes <= MAX_BYTES || chunk.len() == 1));
        }
    }
}
