//! The key under which an entry is found by its request id, or by the mandate that it issued.
//!
//! Such ids are random, and an index over them is written all over: at 200,000 entries it cost
//! an append two thirds of what the rest of the write does, and more with each further entry. So
//! the index is cut into segments of consecutive entries, and only the newest segment is written.
//! A search looks into each of them: one step down the tree for every [`SEGMENT`] entries of the log.

/// Entries of one segment.
pub(crate) const SEGMENT: u64 = 32_768;
/// Distance between the keys of one id in two neighbouring segments.
pub(crate) const STRIDE: i64 = 1 << 32;
/// Highest segment with a key of its own: beyond 7 * 10^13 entries, they share one.
const MAX_SEGMENT: u64 = (1 << 31) - 1;

/// The key of an entry: its segment, then the hash of the id.
pub(crate) fn search_key(index: u64, id: &str) -> i64 {
    let segment = (index / SEGMENT).min(MAX_SEGMENT);
    let key = (segment << 32) | u64::from(hash(id));
    i64::try_from(key).unwrap_or(i64::MAX)
}

/// FNV-1a. Nothing rests on it: entries are told apart by the id itself, and whoever makes
/// request ids collide could as well send the same one again.
fn hash(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_published_one() {
        // Vectors of draft-eastlake-fnv, appendix C.
        for (text, expected) in [
            ("", 0x811c_9dc5),
            ("a", 0xe40c_292c),
            ("foobar", 0xbf9c_f968),
        ] {
            assert_eq!(hash(text), expected, "{text:?}");
        }
    }

    #[test]
    fn one_id_has_one_key_in_each_segment_a_stride_apart() {
        let first = search_key(0, "r");
        assert_eq!(search_key(SEGMENT - 1, "r"), first);
        assert_eq!(search_key(SEGMENT, "r"), first + STRIDE);
        assert_eq!(search_key(5 * SEGMENT + 1, "r"), first + 5 * STRIDE);
        assert_eq!(
            search_key(u64::MAX, "r"),
            first + (i64::MAX / STRIDE) * STRIDE
        );
    }
}
