//! Proofs for others (C2SP tlog-proof).

use crate::tlog_proof::TlogProof;
use crate::trust::LogTrust;
use crate::{Checkpoint, CheckpointSigner, Hash};

/// PKCS#8 of an Ed25519 key (RFC 8410 §7) up to its 32 bytes.
const PKCS8: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];
/// The one entry that the key has ever signed for.
const ENTRY: &[u8] = b"an entry";

/// The input is a proof.
///
/// There is one spelling of each. It proves the entry that was signed, at its place in the log that was
/// signed, and nothing else.
///
/// # Panics
/// When the input breaks the law.
#[must_use]
pub fn tlog_proof(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else {
        return false;
    };
    let Ok(proof) = TlogProof::parse(text) else {
        return false;
    };
    assert_eq!(proof.to_text(), text, "one spelling");
    let Some(signer) = signer() else {
        return false;
    };
    let trust = LogTrust::new(signer.verifier(), None);
    if proof.verify(ENTRY, &trust).is_ok() {
        assert_eq!(proof.checkpoint(), &signed(&signer), "nobody else can sign");
        assert_eq!((proof.index(), proof.hashes()), (0, &[][..]));
    }
    assert!(proof.verify(b"another", &trust).is_err());
    true
}

fn signed(signer: &CheckpointSigner) -> Checkpoint {
    Checkpoint {
        origin: signer.origin("prod"),
        size: 1,
        root: Hash::leaf(ENTRY),
    }
}

fn signer() -> Option<CheckpointSigner> {
    let pkcs8 = [&PKCS8[..], &[7; 32]].concat();
    CheckpointSigner::from_pkcs8("audit.example/log", &pkcs8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_read_as_their_names_say() {
        let signer = signer().unwrap();
        let note = signer.sign(&signed(&signer));
        let hash = Hash::leaf(b"x").to_base64();
        let good = format!("c2sp.org/tlog-proof@v1\nindex 0\n\n{note}");
        let long = good.replace("index 0\n", &format!("index 0\n{hash}\n"));
        let seeds = [
            ("good-proof", good.clone()),
            (
                "good-extra",
                good.replace("@v1\n", "@v1\nextra YW4gZW50cnk=\n"),
            ),
            // Well formed, and proves nothing.
            ("good-long", long.clone()),
            (
                "good-elsewhere",
                good.replace("index 0", "index 18446744073709551615"),
            ),
            ("bad-version", good.replace("@v1", "@v2")),
            ("bad-extra", good.replace("@v1\n", "@v1\nextra \n")),
            ("bad-index", good.replace("index 0", "index 00")),
            ("bad-hash", long.replace(&hash, "AAAA")),
            ("bad-note", good.trim_end().to_owned()),
            (
                "bad-many",
                good.replace(
                    "index 0\n",
                    &format!("index 0\n{}", format!("{hash}\n").repeat(65)),
                ),
            ),
        ];
        let seeds = seeds.map(|(name, text)| (name, text.into_bytes()));
        caracal_seeds::hold("tlog_proof", &seeds, tlog_proof).unwrap();
    }
}
