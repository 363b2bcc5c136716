use super::*;
use crate::note::{CosignatureSigner, Timestamp};
use crate::testing::SignedLog;

/// A checkpoint for 7 entries, cosigned by these.
fn note(log: &SignedLog, witnesses: &[&CosignatureSigner]) -> String {
    let text = log.checkpoint(7).to_text();
    let time = Timestamp::from_unix(9).unwrap();
    let lines = witnesses.iter().map(|one| one.cosign(&text, time));
    log.note(7) + &lines.collect::<String>()
}

fn policy(lines: &str) -> TrustPolicy {
    TrustPolicy::parse(lines.as_bytes()).unwrap()
}

#[test]
fn the_key_of_a_ledger_and_that_of_a_zone_open_the_zones_checkpoint() {
    let log = SignedLog::new(9);
    for key in [log.signer.verifier(), log.verifier()] {
        let vouched = LogTrust::new(key, None).open(&log.note(7)).unwrap();
        assert_eq!(vouched.checkpoint, log.checkpoint(7));
        assert_eq!(vouched.witnessed, None);
    }
    let other = log.signer.verifier().for_zone("test");
    assert!(matches!(
        LogTrust::new(other, None).open(&log.note(7)),
        Err(TrustError::OtherLog { .. })
    ));
    let stranger = SignedLog::new(9).signer.verifier();
    assert!(matches!(
        LogTrust::new(stranger, None).open(&log.note(7)),
        Err(TrustError::Checkpoint(_))
    ));
}

#[test]
fn with_a_policy_a_checkpoint_needs_its_quorum_and_names_who_is_missing() {
    let log = SignedLog::new(9);
    let [north, south] =
        ["north.example", "south.example"].map(|name| CosignatureSigner::generate(name).unwrap());
    let lines = format!(
        "witness north {}\nwitness south {}\ngroup both 2 north south\nquorum both\n",
        north.verifier().to_text(),
        south.verifier().to_text()
    );
    let trust = LogTrust::new(log.verifier(), Some(policy(&lines)));
    let vouched = trust.open(&note(&log, &[&north, &south])).unwrap();
    assert_eq!(vouched.witnessed.unwrap().cosigned.len(), 2);
    assert_eq!(
        trust.open(&note(&log, &[&south])),
        Err(TrustError::Unwitnessed(vec!["north".to_owned()]))
    );
    let forged = note(&log, &[&north]).replace("north.example ", "south.example ");
    assert!(trust.open(&forged).is_err());
}

#[test]
fn a_policy_that_lists_logs_trusts_no_other() {
    let log = SignedLog::new(9);
    let ledger = log.signer.verifier().to_text();
    let zone = log.verifier().to_text();
    let other = SignedLog::new(9).verifier().to_text();
    for (listed, trusted) in [(&ledger, true), (&zone, true), (&other, false)] {
        let policy = policy(&format!("log {listed}\nquorum none\n"));
        let opened = LogTrust::new(log.verifier(), Some(policy)).open(&log.note(7));
        assert_eq!(opened.is_ok(), trusted, "{opened:?}");
    }
}
