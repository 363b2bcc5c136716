//! SHA-256 in hex.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// Hex digest over `parts`, one after the other.
pub(crate) fn hex(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    to_hex(&hash.finalize())
}

/// Bytes in lower-case hex.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    let text = String::with_capacity(bytes.len().saturating_mul(2));
    bytes.iter().fold(text, |mut text, byte| {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// 32 bytes from lower-case hex.
pub(crate) fn from_hex(text: &str) -> Option<[u8; 32]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte.wrapping_sub(b'0')),
        b'a'..=b'f' => Some(byte.wrapping_sub(b'a').wrapping_add(10)),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes = pairs
        .iter()
        .map(|[high, low]| Some((digit(*high)? << 4) | digit(*low)?));
    let bytes = bytes
        .collect::<Option<Vec<u8>>>()
        .filter(|_| rest.is_empty())?;
    bytes.try_into().ok()
}
