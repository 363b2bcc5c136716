use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::merkle::inclusion_proof;
use crate::testing::SignedLog;

/// The proof of one entry of a log with so many, whose entries are their own indexes.
fn proof(log: &SignedLog, index: usize, size: usize) -> TlogProof {
    let hashes = inclusion_proof(&log.leaves[..size], index).unwrap();
    TlogProof::of(index as u64, hashes, log.note(size), log.checkpoint(size))
}

fn entry(index: u64) -> Vec<u8> {
    index.to_be_bytes().to_vec()
}

#[test]
fn a_proof_is_written_as_the_specification_shows_it() {
    let log = SignedLog::new(3);
    let proof = proof(&log, 2, 3).with_extra(b"an entry".to_vec());
    let hash = log.root(2).to_base64();
    let note = log.note(3);
    let expected = format!("c2sp.org/tlog-proof@v1\nextra YW4gZW50cnk=\nindex 2\n{hash}\n\n{note}");
    assert_eq!(proof.to_text(), expected);
    assert_eq!(TlogProof::parse(&expected), Ok(proof));
}

#[test]
fn a_proof_of_the_only_entry_has_no_hashes() {
    let log = SignedLog::new(1);
    let proof = proof(&log, 0, 1);
    let text = proof.to_text();
    assert!(text.starts_with("c2sp.org/tlog-proof@v1\nindex 0\n\naudit.example/prod\n1\n"));
    let trust = LogTrust::new(log.verifier(), None);
    assert!(
        TlogProof::parse(&text)
            .unwrap()
            .verify(&entry(0), &trust)
            .is_ok()
    );
}

#[test]
fn another_entry_position_or_key_is_not_proven() {
    let log = SignedLog::new(9);
    let good = proof(&log, 4, 9);
    let trust = LogTrust::new(log.verifier(), None);
    let vouched = good.verify(&entry(4), &trust).unwrap();
    assert_eq!(vouched.checkpoint, log.checkpoint(9));
    let refused = good.verify(&entry(5), &trust);
    assert!(matches!(
        refused,
        Err(InclusionError::Proof { index: 4, .. })
    ));
    for index in [0, 3, 5, 8, 9, u64::MAX] {
        let moved = TlogProof {
            index,
            ..good.clone()
        };
        assert!(moved.verify(&entry(4), &trust).is_err(), "{index}");
    }
    let stranger = LogTrust::new(SignedLog::new(1).verifier(), None);
    assert!(matches!(
        good.verify(&entry(4), &stranger),
        Err(InclusionError::Trust(_))
    ));
    // The hashes of another tree, below the same checkpoint.
    let other = TlogProof {
        hashes: proof(&log, 4, 8).hashes,
        ..good
    };
    assert!(other.verify(&entry(4), &trust).is_err());
}

#[test]
fn malformed_proofs_are_refused() {
    use TlogProofError as E;
    let log = SignedLog::new(3);
    let text = proof(&log, 2, 3).with_extra(b"x".to_vec()).to_text();
    let hash = log.root(2).to_base64();
    let many = format!("{hash}\n").repeat(65);
    for (from, to, error) in [
        ("@v1\n", "@v2\n", E::Header),
        ("c2sp", " c2sp", E::Header),
        ("@v1\n", "@v1\r\n", E::Header),
        ("extra eA==", "extra eA", E::Extra),
        ("extra eA==", "extra ", E::Extra),
        ("extra eA==", "Extra eA==", E::Index),
        ("extra eA==\n", "extra eA==\nextra eA==\n", E::Index),
        ("index 2", "index 02", E::Index),
        ("index 2", "index +2", E::Index),
        ("index 2", "index 2 ", E::Index),
        ("index 2", "index 18446744073709551616", E::Index),
        ("index 2\n", "", E::Index),
        (&hash, &hash[1..], E::Hash(1)),
        (&format!("{hash}\n"), &many, E::LongProof),
        (
            &format!("{hash}\n"),
            &format!("{hash}\n{hash} \n"),
            E::Hash(2),
        ),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        assert_eq!(TlogProof::parse(&changed), Err(error), "{to}");
    }
    let (head, note) = text.split_once("\n\n").unwrap();
    assert_eq!(TlogProof::parse(head), Err(E::NoCheckpoint));
    assert_eq!(TlogProof::parse(""), Err(E::Header));
    for wrong in ["", "\n", &note[..note.len() - 1], "a\n1\n\n"] {
        let refused = TlogProof::parse(&format!("{head}\n\n{wrong}"));
        assert!(matches!(refused, Err(E::Checkpoint(_))), "{wrong:?}");
    }
    let endless = format!("{text}{}", "x".repeat(MAX_PROOF_BYTES));
    assert_eq!(TlogProof::parse(&endless), Err(E::TooLong));
}

proptest! {
    #[test]
    fn a_proof_is_read_as_it_was_written(
        (size, index) in (1_usize..200).prop_flat_map(|size| (Just(size), 0..size)),
        extra in vec(any::<u8>(), 0..300),
    ) {
        let log = SignedLog::new(200);
        let proof = proof(&log, index, size).with_extra(extra);
        let read = TlogProof::parse(&proof.to_text()).unwrap();
        prop_assert_eq!(&read, &proof);
        let trust = LogTrust::new(log.verifier(), None);
        prop_assert!(read.verify(&entry(index as u64), &trust).is_ok());
    }

    #[test]
    fn what_is_read_is_written_as_it_was_read(
        cuts in vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 0..6),
    ) {
        let log = SignedLog::new(9);
        let mut bytes = proof(&log, 4, 9).with_extra(b"entry".to_vec()).to_text().into_bytes();
        // Pieces of it moved, doubled and removed, and bytes turned.
        for (from, to, byte) in cuts {
            let (from, to) = (from.index(bytes.len()), to.index(bytes.len()));
            let piece = bytes[from.min(to)..from.max(to)].to_vec();
            match byte % 3 {
                0 => bytes.truncate(bytes.len().saturating_sub(piece.len()).max(1)),
                1 => drop(bytes.splice(to..to, piece)),
                _ => bytes[from] = byte,
            }
        }
        let text = String::from_utf8_lossy(&bytes);
        if let Ok(read) = TlogProof::parse(&text) {
            prop_assert_eq!(read.to_text(), text);
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "(c2sp.org/tlog-proof@v1\n)?(extra [A-Za-z=]{0,8}\n)?(index [0-9]{0,22}\n)?([A-Za-z0-9+/=]{0,48}\n){0,3}\\PC{0,40}") {
        if let Ok(read) = TlogProof::parse(&text) {
            prop_assert_eq!(read.to_text(), text);
        }
    }
}
