//! The law of messages between replicas.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "an overflow breaks the law as well"
)]

use super::key::PeerKey;
use super::message::{MAX_BYTES, SIGNATURE_BYTES, WakeUp};
use crate::canonical::{framed, unframed};

/// The input is a message with its signature behind it, or a message alone, which is signed.
///
/// Only what a replica signed is read, and with another bit it is not; what is read has one
/// spelling; and fields in a row are read as they were written.
///
/// # Panics
/// When the input breaks the law.
#[must_use]
pub fn peer_message(data: &[u8]) -> bool {
    let key = PeerKey::from_bytes([7; 32]);
    let split = data.len().saturating_sub(SIGNATURE_BYTES);
    let (bytes, signature) = data.split_at_checked(split).unwrap_or_default();
    let as_it_is = WakeUp::open(&key, bytes, signature);
    let genuine = key.sign(bytes);
    assert!(
        as_it_is.is_err() || genuine.as_ref() == signature,
        "nobody else can sign"
    );
    if let Some(fields) = unframed::<2>(data) {
        assert_eq!(framed(&fields), data);
    }
    let signature = key.sign(data);
    let Ok(read) = WakeUp::open(&key, data, signature.as_ref()) else {
        return as_it_is.is_ok();
    };
    assert_eq!(read.to_bytes(), data, "one spelling");
    assert!(data.len() <= MAX_BYTES);
    let other = PeerKey::from_bytes([8; 32]);
    assert!(WakeUp::open(&other, data, signature.as_ref()).is_err());
    let place = data
        .iter()
        .fold(0_usize, |sum, byte| sum.wrapping_add((*byte).into()));
    let mut turned = data.to_vec();
    let length = turned.len().max(1);
    if let Some(byte) = turned.get_mut(place % length) {
        *byte ^= 1;
    }
    assert!(
        WakeUp::open(&key, &turned, signature.as_ref()).is_err(),
        "a bit was turned"
    );
    true
}

#[cfg(test)]
mod tests {
    use super::super::message::Sender;
    use super::*;

    #[test]
    fn seeds_are_read_as_their_names_say() {
        let message = WakeUp {
            sender: Sender([1; 16]),
            term: 1,
            seq: 42,
            sent_ms: 1_790_000_000_000,
            nonce: [4; 16],
        };
        let bytes = message.to_bytes();
        let key = PeerKey::from_bytes([7; 32]);
        let whole = [bytes.as_slice(), key.sign(&bytes).as_ref()].concat();
        let mut later = bytes.clone();
        later[8 + 27] = b'2';
        let seeds = [
            ("good-message", bytes.clone()),
            ("good-signed", whole.clone()),
            ("bad-short", whole[..whole.len() - 1].to_vec()),
            ("bad-later-version", later),
            ("bad-longer", [bytes.as_slice(), b"\0"].concat()),
            ("bad-empty", Vec::new()),
        ];
        caracal_seeds::hold("peer_message", &seeds, peer_message).unwrap();
    }
}
