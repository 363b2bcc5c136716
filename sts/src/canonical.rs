//! Fields in a row, so that different rows never have the same bytes: what is hashed and what is
//! signed.

/// The fields one after the other, each behind its length in eight bytes.
pub(crate) fn framed(fields: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for field in fields {
        // No machine has more memory than that.
        let length = u64::try_from(field.len()).unwrap_or(u64::MAX);
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(field);
    }
    bytes
}

/// The reverse of [`framed`], for exactly `N` fields and nothing behind them.
pub(crate) fn unframed<const N: usize>(bytes: &[u8]) -> Option<[&[u8]; N]> {
    let mut fields = [[].as_slice(); N];
    let mut rest = bytes;
    for field in &mut fields {
        let (length, behind) = rest.split_first_chunk::<8>()?;
        let length = usize::try_from(u64::from_be_bytes(*length)).ok()?;
        (*field, rest) = behind.split_at_checked(length)?;
    }
    rest.is_empty().then_some(fields)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn field() -> impl Strategy<Value = Vec<u8>> {
        // Few and small values, zeros among them, so that what could be confused is met.
        vec(prop_oneof![Just(0_u8), 0..4_u8], 0..12)
    }

    proptest! {
        #[test]
        fn different_fields_never_have_the_same_bytes(
            one in vec(field(), 0..5),
            two in vec(field(), 0..5),
        ) {
            let bytes = |fields: &[Vec<u8>]| {
                let fields: Vec<&[u8]> = fields.iter().map(Vec::as_slice).collect();
                framed(&fields)
            };
            prop_assert_eq!(bytes(&one) == bytes(&two), one == two);
        }

        #[test]
        fn what_was_framed_is_read_back(one in field(), two in field(), three in field()) {
            let bytes = framed(&[&one, &two, &three]);
            prop_assert_eq!(unframed(&bytes), Some([&*one, &two, &three]));
            prop_assert_eq!(unframed::<2>(&bytes), None);
            prop_assert_eq!(unframed::<4>(&bytes), None);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..64)) {
            if let Some(fields) = unframed::<2>(&bytes) {
                prop_assert_eq!(framed(&fields), bytes);
            }
        }
    }
}
