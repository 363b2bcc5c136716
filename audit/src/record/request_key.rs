//! The key under which an entry is found by its request id, or by the mandate that it issued.
//!
//! Such ids are random, and an index over them is written all over: at 200,000 entries it cost
//! an append two thirds of what the rest of the write does, and more with each further entry. So
//! the index is cut into segments of consecutive entries, and only the newest segment is written.
//! A search looks into each of them: one step down the tree for every segment of the log.
//!
//! The shorter they are, the fewer pages of them a transaction writes, and the more steps a search takes. Logs
//! begun before this was measured have longer ones at their beginning. Which an entry has does not matter: both
//! are looked into, and both are right.

/// How an index is cut.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Segments {
    /// Entries of one segment.
    pub(crate) length: u64,
    /// Bits of the hash of an id, the upper ones.
    bits: u32,
}

/// What entries get: a thousand of them then write some ten pages of the index, and not seventy.
pub(crate) const NEW: Segments = Segments {
    length: 4_096,
    bits: 29,
};
/// What entries of old logs have.
pub(crate) const OLD: Segments = Segments {
    length: 32_768,
    bits: 32,
};

impl Segments {
    /// The key of an entry: its segment, then the hash of the id.
    pub(crate) fn key(self, index: u64, id: &str) -> i64 {
        let Self { length, bits } = self;
        // Beyond 7 * 10^13 entries, they share a segment.
        let last = (i64::MAX.unsigned_abs()).checked_shr(bits).unwrap_or(0);
        let segment = index.checked_div(length).unwrap_or(0).min(last);
        let upper = hash(id)
            .checked_shr(32_u32.saturating_sub(bits))
            .unwrap_or(0);
        let key = segment.checked_shl(bits).unwrap_or(0) | u64::from(upper);
        i64::try_from(key).unwrap_or(i64::MAX)
    }

    /// Distance between the keys of one id in two neighbouring segments.
    pub(crate) fn stride(self) -> i64 {
        1_i64.checked_shl(self.bits).unwrap_or(i64::MAX)
    }
}

/// Whether an entry is found by that key.
pub(crate) fn is_key(key: i64, index: u64, id: &str) -> bool {
    [NEW, OLD]
        .iter()
        .any(|segments| segments.key(index, id) == key)
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
        for segments in [NEW, OLD] {
            let (length, stride) = (segments.length, segments.stride());
            let first = segments.key(0, "r");
            assert!((0..stride).contains(&first));
            assert_eq!(segments.key(length - 1, "r"), first);
            assert_eq!(segments.key(length, "r"), first + stride);
            assert_eq!(segments.key(5 * length + 1, "r"), first + 5 * stride);
            let last = first + (i64::MAX / stride) * stride;
            assert_eq!(segments.key(u64::MAX, "r"), last);
        }
    }

    #[test]
    fn an_old_key_is_what_it_was() {
        // Of logs that are there: never to be changed.
        assert_eq!(OLD.key(0, "foobar"), 0xbf9c_f968);
        assert_eq!(OLD.key(70_000, "foobar"), (2 << 32) + 0xbf9c_f968);
        assert_eq!(NEW.key(70_000, "foobar"), (17 << 29) + (0xbf9c_f968 >> 3));
        assert!(is_key(OLD.key(70_000, "a"), 70_000, "a"));
        assert!(is_key(NEW.key(70_000, "a"), 70_000, "a"));
        assert!(!is_key(NEW.key(70_000, "a"), 70_000, "b"));
        assert!(!is_key(NEW.key(70_000, "a"), 80_000, "a"));
    }
}
