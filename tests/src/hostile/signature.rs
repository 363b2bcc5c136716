//! Signatures of a mandate, taken apart: r and s as numbers of 32 bytes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The order of P-256 (FIPS 186-5, SP 800-186 §3.2.1.3).
pub(super) const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// The token with other bytes for a signature.
pub(super) fn replaced(token: &str, signature: &[u8]) -> Option<String> {
    let (input, _) = token.rsplit_once('.')?;
    Some(format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

fn of(token: &str) -> Option<Vec<u8>> {
    let (_, signature) = token.rsplit_once('.')?;
    URL_SAFE_NO_PAD.decode(signature).ok()
}

/// The token with r and s changed.
pub(super) fn changed(token: &str, change: impl FnOnce(&mut [u8], &mut [u8])) -> Option<String> {
    let mut signature = of(token)?;
    let (r, s) = signature.split_at_mut_checked(32)?;
    change(r, s);
    replaced(token, &signature)
}

/// The token with n - s for s, which verifies as well.
pub(super) fn other_s(token: &str) -> Option<String> {
    changed(token, |_, s| {
        let mut borrow = 0_i16;
        for (byte, order) in s.iter_mut().zip(ORDER).rev() {
            let difference = i16::from(order) - i16::from(*byte) - borrow;
            borrow = i16::from(difference < 0);
            *byte = u8::try_from(difference.rem_euclid(256)).unwrap_or(0);
        }
    })
}

/// The token with the signature in DER (X.690 §8.3): what a JWS never has.
pub(super) fn der(token: &str) -> Option<String> {
    let signature = of(token)?;
    let (r, s) = signature.split_at_checked(32)?;
    let integer = |number: &[u8]| {
        // One zero in front keeps it positive, whatever its first bit is.
        let mut out = vec![0x02, 33, 0];
        out.extend(number);
        out
    };
    let body = [integer(r), integer(s)].concat();
    let length = u8::try_from(body.len()).ok()?;
    replaced(token, &[&[0x30, length], &body[..]].concat())
}
