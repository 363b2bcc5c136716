//! Signed checkpoints.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "an overflow breaks the law as well"
)]

use crate::{Checkpoint, CheckpointSigner, CheckpointVerifier};

/// PKCS#8 of an Ed25519 key (RFC 8410 §7) up to its 32 bytes.
const PKCS8: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];
const ZONE: &str = "prod";

/// The input is a note, or the text of one, which is signed then; or the text of a verifier's key.
///
/// Only what the key signed is opened, under the log that it was signed for and under no other; a
/// note with any bit turned in its text or its signature is not. A checkpoint that is read is
/// written as it was read.
///
/// # Panics
/// When the input breaks the law.
#[must_use]
pub fn checkpoint(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else {
        return false;
    };
    if let Ok(key) = CheckpointVerifier::from_text(text) {
        assert_eq!(
            CheckpointVerifier::from_text(&key.to_text()).as_ref(),
            Ok(&key)
        );
        return true;
    }
    let Some(signer) = signer() else {
        return false;
    };
    let verifier = signer.verifier().for_zone(ZONE);
    if let Ok(opened) = verifier.open_checkpoint(text) {
        assert!(is_signed(text, &signer, &opened), "nobody else can sign");
        return true;
    }
    let Ok(read) = Checkpoint::from_text(text) else {
        return false;
    };
    assert!(text.starts_with(&read.to_text()) || text == read.to_text());
    assert_eq!(Checkpoint::from_text(&read.to_text()).as_ref(), Ok(&read));
    let ours = Checkpoint {
        origin: signer.origin(ZONE),
        ..read
    };
    let note = signer.sign(&ours);
    assert_eq!(verifier.open_checkpoint(&note).as_ref(), Ok(&ours));
    let other = signer.verifier().for_zone("test");
    assert!(other.open_checkpoint(&note).is_err(), "for another log");
    let place = data
        .iter()
        .fold(0_usize, |sum, byte| sum.wrapping_add(usize::from(*byte)));
    let mut turned = note.into_bytes();
    let place = place % turned.len().max(1);
    if let Some(byte) = turned.get_mut(place) {
        *byte ^= 1;
    }
    if let Ok(turned) = String::from_utf8(turned) {
        assert_ne!(
            verifier.open_checkpoint(&turned).as_ref(),
            Ok(&ours),
            "{turned:?}"
        );
    }
    true
}

/// Whether the note has our signature, which is the same each time, over its text.
fn is_signed(note: &str, signer: &CheckpointSigner, opened: &Checkpoint) -> bool {
    let genuine = signer.sign(opened);
    let signature = genuine.lines().last().unwrap_or_default();
    note.lines().any(|line| line == signature)
}

fn signer() -> Option<CheckpointSigner> {
    let pkcs8 = [&PKCS8[..], &[7; 32]].concat();
    CheckpointSigner::from_pkcs8("audit.example/log", &pkcs8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Hash;

    #[test]
    fn seeds_are_read_as_their_names_say() {
        let signer = signer().unwrap();
        let made = Checkpoint {
            origin: signer.origin(ZONE),
            size: 42,
            root: Hash::leaf(b"x"),
        };
        let note = signer.sign(&made);
        let elsewhere = signer.sign(&Checkpoint {
            origin: signer.origin("test"),
            ..made.clone()
        });
        let text = made.to_text();
        let seeds = [
            ("good-note", note.clone()),
            ("good-text", text.clone()),
            ("good-extension", format!("{text}an extension\n")),
            ("good-key", signer.verifier().to_text()),
            ("bad-size", note.replace("\n42\n", "\n43\n")),
            ("bad-elsewhere", elsewhere),
            ("bad-number", text.replace("42", "042")),
            ("bad-end", text.trim_end().to_owned()),
            ("bad-signature", format!("{note}\u{2014} other AAAA\n")),
            (
                "bad-key",
                signer.verifier().to_text().replace("audit", "audi"),
            ),
        ];
        let seeds = seeds.map(|(name, text)| (name, text.into_bytes()));
        caracal_seeds::hold("checkpoint", &seeds, checkpoint).unwrap();
    }
}
