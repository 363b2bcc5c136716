//! Bytes that may end a line.
//!
//! Every value of every request is looked through, and a mandate alone is a kilobyte, so eight bytes
//! are looked at in one step: that took three fifths of all instructions of a known mandate's request
//! before.

/// Bytes below this are looked at one by one: CR, LF and NUL are, and of what is usual TAB alone.
const CEILING: u64 = 0x0e;

/// One in each byte.
const ONES: u64 = u64::MAX / 0xff;

/// The highest bit of each byte.
const HIGH: u64 = ONES << 7;

/// Whether a value holds CR, LF or NUL.
pub(super) fn may_end(value: &[u8]) -> bool {
    let (words, rest) = value.as_chunks::<8>();
    let low = |word: &[u8; 8]| {
        let word = u64::from_le_bytes(*word);
        // The borrow of a byte that is lower reaches its highest bit, unless that was set before. It
        // may reach the next byte as well, which is then looked at for nothing.
        word.wrapping_sub(ONES.wrapping_mul(CEILING)) & !word & HIGH != 0
    };
    let ends = |byte: &u8| matches!(byte, b'\r' | b'\n' | 0);
    words.iter().any(|word| low(word) && word.iter().any(ends)) || rest.iter().any(ends)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::may_end;

    #[test]
    fn each_end_of_a_line_is_seen_at_each_place_and_nothing_else_is() {
        for length in 0..40 {
            for at in 0..length {
                for byte in 0..=u8::MAX {
                    let mut value = vec![b'a'; length];
                    value[at] = byte;
                    let expected = [b'\r', b'\n', 0].contains(&byte);
                    assert_eq!(may_end(&value), expected, "{byte:#x} at {at} of {length}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn it_says_what_a_look_at_each_byte_says(value in proptest::collection::vec(any::<u8>(), 0..64)) {
            let plainly = value.iter().any(|byte| [b'\r', b'\n', 0].contains(byte));
            prop_assert_eq!(may_end(&value), plainly);
        }
    }
}
