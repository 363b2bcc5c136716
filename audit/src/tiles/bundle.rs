//! An entry bundle: consecutive entries, each after its length (C2SP tlog-tiles, "Log entries").

use super::path::Width;

/// Longest entry that a bundle can hold: lengths are 16 bits. A record of ours has at most about 21
/// kB: the longest event, and the longest peer with every byte of it escaped.
pub const MAX_ENTRY_BYTES: usize = u16::MAX as usize;
/// Most bytes that one entry takes.
pub(super) const MAX_BUNDLE_BYTES: usize = LENGTH_BYTES + MAX_ENTRY_BYTES;

const LENGTH_BYTES: usize = 2;

/// Why there is no bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// The bytes end within an entry, or before the last one.
    #[error("the bundle ends within entry {0} of it")]
    Short(u16),
    /// There are bytes after the last entry.
    #[error("the bundle has {0} bytes after its last entry")]
    Long(usize),
    /// An entry is longer than the format can say.
    #[error("an entry of {0} bytes does not fit into a bundle")]
    TooLong(usize),
}

/// 1 to 256 entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryBundle<'a>(Vec<&'a [u8]>);

impl<'a> EntryBundle<'a> {
    /// Reads a file of exactly so many entries.
    pub fn from_bytes(bytes: &'a [u8], width: Width) -> Result<Self, BundleError> {
        let mut entries = Vec::with_capacity(width.as_usize());
        let mut rest = bytes;
        for position in 0..width.get() {
            let (entry, after) = split(rest).ok_or(BundleError::Short(position))?;
            entries.push(entry);
            rest = after;
        }
        if rest.is_empty() {
            Ok(Self(entries))
        } else {
            Err(BundleError::Long(rest.len()))
        }
    }

    /// The entries, in their order.
    #[must_use]
    pub fn entries(&self) -> &[&'a [u8]] {
        &self.0
    }
}

fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<LENGTH_BYTES>()?;
    rest.split_at_checked(u16::from_be_bytes(*length).into())
}

/// The file of a bundle with these entries.
pub fn encode_bundle<E: AsRef<[u8]>>(entries: &[E]) -> Result<Vec<u8>, BundleError> {
    let mut bytes = Vec::new();
    for entry in entries {
        let entry = entry.as_ref();
        let length = u16::try_from(entry.len()).map_err(|_| BundleError::TooLong(entry.len()))?;
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(entry);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_bundle_is_lengths_and_entries() {
        let bytes = encode_bundle(&[b"ab".as_slice(), b"", &[7; 258]]).unwrap();
        let expected = [b"\x00\x02ab\x00\x00\x01\x02".as_slice(), &[7; 258]].concat();
        assert_eq!(bytes, expected);
    }

    #[test]
    fn an_entry_of_65535_bytes_fits_and_a_longer_one_does_not() {
        let longest = vec![1; MAX_ENTRY_BYTES];
        let bytes = encode_bundle(&[&longest]).unwrap();
        let one = Width::new(1).unwrap();
        let read = EntryBundle::from_bytes(&bytes, one).unwrap();
        assert_eq!(read.entries(), [longest.as_slice()]);
        let longer = vec![1; MAX_ENTRY_BYTES + 1];
        assert_eq!(encode_bundle(&[longer]), Err(BundleError::TooLong(65_536)));
    }

    proptest! {
        #[test]
        fn a_bundle_is_read_as_it_was_made_and_with_no_other_width_or_length(
            entries in vec(vec(any::<u8>(), 0..40), 1..=256),
            cut in 1_usize..20,
        ) {
            let count = u16::try_from(entries.len()).unwrap();
            let bytes = encode_bundle(&entries).unwrap();
            let width = Width::new(count).unwrap();
            let read = EntryBundle::from_bytes(&bytes, width).unwrap();
            prop_assert_eq!(read.entries(), &entries);
            let shorter = &bytes[..bytes.len().saturating_sub(cut)];
            let short = matches!(EntryBundle::from_bytes(shorter, width), Err(BundleError::Short(_)));
            prop_assert!(short);
            let longer = [bytes.as_slice(), &vec![0; cut]].concat();
            prop_assert_eq!(EntryBundle::from_bytes(&longer, width), Err(BundleError::Long(cut)));
            if let Some(other) = Width::new(count.saturating_add(1)) {
                let read = EntryBundle::from_bytes(&bytes, other);
                prop_assert_eq!(read, Err(BundleError::Short(count)));
            }
        }

        #[test]
        fn any_bytes_are_read_as_the_one_bundle_that_they_are_or_refused(
            bytes in vec(0_u8..4, 0..600),
            width in 1_u16..=256,
        ) {
            if let Ok(read) = EntryBundle::from_bytes(&bytes, Width::new(width).unwrap()) {
                prop_assert_eq!(encode_bundle(read.entries()).unwrap(), bytes);
            }
        }
    }
}
