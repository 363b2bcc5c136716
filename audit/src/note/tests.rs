use super::*;
use crate::merkle::Hash;

// Published vectors: the example of the signed-note specification, and that of Go's sumdb/note.
const SPEC_KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const SPEC_NOTE: &str = "This is an example message.\n\n\u{2014} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
const GO_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const GO_NOTE: &str = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

fn signer() -> CheckpointSigner {
    CheckpointSigner::generate("audit.example/log").unwrap()
}

fn checkpoint(signer: &CheckpointSigner) -> Checkpoint {
    Checkpoint {
        origin: signer.origin("prod"),
        size: 12,
        root: Hash::leaf(b"x"),
    }
}

#[test]
fn the_published_notes_verify_under_the_published_keys() {
    for (key, note) in [(SPEC_KEY, SPEC_NOTE), (GO_KEY, GO_NOTE)] {
        let verifier = CheckpointVerifier::from_text(key).unwrap();
        assert_eq!(verifier.to_text(), key);
        let text = verifier.open(note).unwrap();
        assert!(text.ends_with(".\n") && !text.ends_with("\n\n"));
    }
}

#[test]
fn a_signed_checkpoint_opens_under_the_zone_key_only() {
    let signer = signer();
    let note = signer.sign(&checkpoint(&signer));
    let verifier = signer.verifier();
    let opened = verifier.for_zone("prod").open_checkpoint(&note);
    assert_eq!(opened, Ok(checkpoint(&signer)));
    let other = verifier.for_zone("test").open_checkpoint(&note);
    assert!(matches!(
        other,
        Err(CheckpointError::Note(NoteError::Unsigned(_)))
    ));
}

#[test]
fn a_stored_key_signs_as_the_same_key() {
    let signer = signer();
    let stored = signer.to_pkcs8().unwrap();
    let again = CheckpointSigner::from_pkcs8("audit.example/log", stored.as_ref()).unwrap();
    assert_eq!(again.verifier(), signer.verifier());
}

#[test]
fn a_changed_text_fails_as_a_bad_signature() {
    let verifier = CheckpointVerifier::from_text(GO_KEY).unwrap();
    let note = GO_NOTE.replace("answer", "Answer");
    assert!(matches!(
        verifier.open(&note),
        Err(NoteError::BadSignature(_))
    ));
}

#[test]
fn signatures_of_unknown_keys_are_ignored() {
    let extra = SPEC_NOTE.lines().last().unwrap();
    let verifier = CheckpointVerifier::from_text(GO_KEY).unwrap();
    assert!(verifier.open(&format!("{GO_NOTE}{extra}\n")).is_ok());
    assert!(matches!(
        verifier.open(SPEC_NOTE),
        Err(NoteError::Unsigned(_))
    ));
}

#[test]
fn a_bad_signature_of_the_known_key_fails_beside_a_good_one() {
    let verifier = CheckpointVerifier::from_text(GO_KEY).unwrap();
    let bad = GO_NOTE.lines().last().unwrap().replace("JnAM=", "JnAI=");
    let note = format!("{GO_NOTE}{bad}\n");
    assert!(matches!(
        verifier.open(&note),
        Err(NoteError::BadSignature(_))
    ));
}

#[test]
fn malformed_notes_are_refused() {
    let verifier = CheckpointVerifier::from_text(GO_KEY).unwrap();
    let crlf = GO_NOTE.replace('\n', "\r\n");
    let no_end = GO_NOTE.trim_end();
    let dash = GO_NOTE.replace('\u{2014}', "-");
    let loose = GO_NOTE.replace("JnAM=", "JnAM");
    for note in [
        "", "\n", "\n\n", "a\n\n", "a\n\n\n", &crlf, no_end, &dash, &loose,
    ] {
        assert!(
            matches!(verifier.open(note), Err(NoteError::Malformed(_))),
            "{note:?}"
        );
    }
}

#[test]
fn malformed_checkpoints_are_refused() {
    let root = Hash::empty().to_base64();
    for text in [
        String::new(),
        format!("o\n1\n{root}"),
        format!("\n1\n{root}\n"),
        format!("o\n01\n{root}\n"),
        format!("o\n+1\n{root}\n"),
        format!("o\n\n{root}\n"),
        format!("o\n18446744073709551616\n{root}\n"),
        "o\n1\nAAAA\n".to_owned(),
        format!("o\n1\n{root}\n\n"),
    ] {
        assert!(Checkpoint::from_text(&text).is_err(), "{text:?}");
    }
    assert!(Checkpoint::from_text(&format!("o\n0\n{root}\nextension\n")).is_ok());
}

#[test]
fn malformed_verifier_keys_are_refused() {
    let wrong_id = GO_KEY.replace("c74f20a3", "c74f20a4");
    let upper = GO_KEY.replace("c74f20a3", "C74F20A3");
    for text in ["", "a", "a+b", "a+b+c", "+c74f20a3+AR", &wrong_id, &upper] {
        assert!(CheckpointVerifier::from_text(text).is_err(), "{text:?}");
    }
}

#[test]
fn a_signer_prints_its_name_and_nothing_else() {
    let printed = format!("{:?}", signer());
    assert_eq!(
        printed,
        "CheckpointSigner { name: \"audit.example/log\", .. }"
    );
}

mod cosignature;
