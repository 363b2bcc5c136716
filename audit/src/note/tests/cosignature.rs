//! Cosignatures, and notes that many have signed.

use super::*;
use crate::testing::pkcs8;

// Made with Go's golang.org/x/mod/sumdb/note, which wrote the envelope and the log's signature, and
// crypto/ed25519: an independent reading of the specifications.
const LOG: &str = "audit.example/log/prod+c12315c6+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs";
const W1: &str = "witness.example/w1+fea3b187+BBOY9ixtGkV8UbpqS189vS9p/KkyFiGNyJl+QWvRfZPK";
const W2: &str = "witness.example/w2+884c6d3c+BP0XJDhaoMdbZPt4zWAvodmR/ev3axPFjtcC6sg16fYY";
const NOTE: &str = "audit.example/log/prod\n42\nPH6byTDck/AfppmF7yQtn56GHzxTVaokzl70tLinDMs=\n\n\
\u{2014} audit.example/log/prod wSMVxsXNKzvvjxc3hyiwK3dFki+5B3vQGIdfIsUiZ/iLf4UC5Bu4H77mwjipLcpKWDfzFJH+8R8jkzagWTyocpbQtAU=\n\
\u{2014} witness.example/w1 /qOxhwAAAABrSdIA2fxT04uEnou9eoVf2tlBP9TPoEVPmwtBYn9x29BTJtHZ0TsN8M4wnGgFYAB4NI3+f4luFX9qYmqXWHylhnFbCA==\n\
\u{2014} witness.example/w2 iExtPAAAAABrSdIBMjhJdvzFI/nHJIdAT5CWQ3jLWP9UZAbN6zB4bwhGC/p66kAKu5FPZi90YOqP0po6FDd/aaGakUSCIFUSctZfCg==\n";
/// The key of a witness that runs, from the tests of transparency-dev/formats.
const PUBLISHED: &str = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2";
/// The example of tlog-cosignature, of whose keys only the names are known.
const SPEC_NOTE: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
\u{2014} example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
\u{2014} witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";

fn w(key: &str) -> CosignatureVerifier {
    CosignatureVerifier::from_text(key).unwrap()
}

fn time(note: &str, key: &str) -> Option<u64> {
    let note = Note::parse(note).unwrap();
    let signature = note.signature(&w(key)).unwrap()?;
    Some(signature.evidence.unix())
}

#[test]
fn a_note_of_go_with_three_signatures_verifies_under_each_key() {
    let log = CheckpointVerifier::from_text(LOG).unwrap();
    assert_eq!(log.open_checkpoint(NOTE).unwrap().size, 42);
    assert_eq!(time(NOTE, W1), Some(1_800_000_000));
    assert_eq!(time(NOTE, W2), Some(1_800_000_001));
    assert_eq!(time(NOTE, PUBLISHED), None);
}

#[test]
fn the_same_keys_and_times_give_the_same_bytes_as_go() {
    let log = CheckpointSigner::from_pkcs8("audit.example/log", &pkcs8(7)).unwrap();
    let checkpoint = Checkpoint {
        origin: log.origin("prod"),
        size: 42,
        root: Hash::leaf(b"x"),
    };
    let mut note = log.sign(&checkpoint);
    for (name, seed, unix) in [
        ("witness.example/w1", 8, 1_800_000_000),
        ("witness.example/w2", 9, 1_800_000_001),
    ] {
        let witness = CosignatureSigner::from_pkcs8(name, &pkcs8(seed)).unwrap();
        note += &witness.cosign(&checkpoint.to_text(), Timestamp::from_unix(unix).unwrap());
    }
    assert_eq!(note, NOTE);
}

#[test]
fn published_keys_and_notes_are_read() {
    assert_eq!(w(PUBLISHED).to_text(), PUBLISHED);
    assert_eq!(w(PUBLISHED).name(), "remora.n621.de");
    let note = Note::parse(SPEC_NOTE).unwrap();
    assert_eq!(Checkpoint::from_text(note.text()).unwrap().size, 20_852_163);
}

#[test]
fn a_key_of_one_type_is_none_of_the_other() {
    assert_eq!(
        CosignatureVerifier::from_text(LOG),
        Err(KeyError::VerifierText)
    );
    assert_eq!(
        CheckpointVerifier::from_text(W1),
        Err(KeyError::VerifierText)
    );
}

#[test]
fn a_failing_cosignature_of_a_known_witness_spoils_the_note_for_it_alone() {
    // The time is signed as well.
    let later = NOTE.replace("hwAAAABrSdIA", "hwAAAABrSdIB");
    let parsed = Note::parse(&later).unwrap();
    let spoiled = parsed.signature(&w(W1)).unwrap_err();
    assert_eq!(
        spoiled,
        NoteError::BadSignature("witness.example/w1".to_owned())
    );
    assert!(parsed.signature(&w(W2)).unwrap().is_some());
    let beside_a_good_one = format!("{NOTE}{}\n", later.lines().nth(5).unwrap());
    let parsed = Note::parse(&beside_a_good_one).unwrap();
    assert!(parsed.signature(&w(W1)).is_err());
}

#[test]
fn a_cosignature_of_the_wrong_form_fails() {
    let signer = CosignatureSigner::generate("w.example").unwrap();
    let verifier = signer.verifier();
    let text = "log\n1\nAAAA\n";
    let good = signer.cosign(text, Timestamp::from_unix(5).unwrap());
    let blob = good.trim_end().rsplit(' ').next().unwrap();
    let bytes = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD
            .decode(blob)
            .unwrap()
    };
    let signature = &bytes[4..];
    assert_eq!(
        verifier.verify(text, signature).map(Timestamp::unix),
        Some(5)
    );
    let mut long = signature.to_vec();
    long.push(0);
    let mut huge = signature.to_vec();
    huge[0] = 0x80;
    for other in [
        &signature[..71],
        &signature[8..],
        &long,
        &huge,
        &[0; 72],
        &[],
    ] {
        assert_eq!(verifier.verify(text, other), None);
    }
    assert_eq!(verifier.verify("log\n2\nAAAA\n", signature), None);
}

#[test]
fn times_that_cannot_be_signed_are_none() {
    for (unix, fits) in [
        (0, false),
        (1, true),
        (u64::MAX >> 1, true),
        (1 << 63, false),
    ] {
        assert_eq!(Timestamp::from_unix(unix).is_some(), fits, "{unix}");
    }
}

#[test]
fn sixteen_signatures_and_up_to_a_hundred_are_accepted() {
    let text = "log\n1\nAAAA\n";
    let signers: Vec<_> = (0..101)
        .map(|number| CosignatureSigner::generate(&format!("w.example/{number}")).unwrap())
        .collect();
    let now = Timestamp::from_unix(1_800_000_000).unwrap();
    let lines: Vec<_> = signers
        .iter()
        .map(|signer| signer.cosign(text, now))
        .collect();
    for (count, accepted) in [(1, true), (16, true), (17, true), (100, true), (101, false)] {
        let note = format!("{text}\n{}", lines[..count].concat());
        match Note::parse(&note) {
            Ok(note) if accepted => {
                let last = signers[count - 1].verifier();
                assert_eq!(note.require(&last).unwrap().evidence, now);
            }
            Err(NoteError::Malformed(_)) if !accepted => {}
            other => panic!("{count}: {other:?}"),
        }
    }
}

#[test]
fn of_two_cosignatures_of_one_witness_the_later_counts() {
    let signer = CosignatureSigner::generate("w.example").unwrap();
    let text = "log\n1\nAAAA\n";
    let at = |unix| signer.cosign(text, Timestamp::from_unix(unix).unwrap());
    let note = format!("{text}\n{}{}", at(7), at(6));
    let note = Note::parse(&note).unwrap();
    let found = note.require(&signer.verifier()).unwrap();
    assert_eq!(
        (found.evidence.unix(), format!("{}\n", found.line)),
        (7, at(7))
    );
}
