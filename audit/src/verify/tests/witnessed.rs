//! Files that are verified with a policy.

use std::sync::Arc;

use super::*;
use crate::ledger::PublishRule;
use crate::testing::Network;

const TWO: &str = "group two 2 w1 w2 w3\nquorum two";

fn network(place: &Place) -> Arc<Network> {
    let verifier = place.signer().verifier();
    Network::new(3, &["a", "b"].map(|zone| verifier.for_zone(zone)))
}

/// Appends to a ledger that asks the witnesses, and closes it.
async fn record(place: &Place, network: &Arc<Network>, seqs: std::ops::RangeInclusive<u64>) {
    let ledger = place
        .open_witnessed(network, TWO, PublishRule::BestEffort)
        .await;
    ledger.append(submissions("a", seqs)).await.unwrap();
    ledger.close().await;
}

/// Appends without a witness, as a log that is shown to one reader alone.
async fn record_alone(place: &Place, seqs: std::ops::RangeInclusive<u64>) {
    let ledger = place.open().await;
    ledger.append(submissions("a", seqs)).await.unwrap();
    ledger.close().await;
}

fn verify_by(place: &Place, policy: &TrustPolicy, kept: Option<&str>) -> Report {
    let key = place.signer().verifier().to_text();
    let trust = Trust {
        verifier_key: &key,
        kept,
        policy: Some(policy),
    };
    verify_with(&place.path(), trust, |_| {}).unwrap()
}

fn briefs(report: &Report) -> Vec<(Severity, FindingKind, Option<u64>, Option<u64>)> {
    let brief = |one: &Finding| (one.severity, one.kind, one.first, one.last);
    report.all().map(brief).collect()
}

fn unwitnessed(first: u64, last: u64) -> (Severity, FindingKind, Option<u64>, Option<u64>) {
    let kind = FindingKind::Unwitnessed;
    (Severity::Unwitnessed, kind, Some(first), Some(last))
}

#[tokio::test]
async fn a_ledger_with_its_quorum_is_intact_and_its_checkpoints_are_good() {
    let place = Place::new();
    let network = network(&place);
    record(&place, &network, 1..=10).await;
    network.set_silent("w3", true);
    record(&place, &network, 11..=20).await;
    let report = verify_by(&place, &network.policy(TWO), None);
    assert_eq!(report.worst(), None, "{report:?}");
    assert_eq!(
        (report.zones[0].checkpoints, report.zones[0].signed),
        (2, 20)
    );
}

#[tokio::test]
async fn without_the_quorum_the_missing_witnesses_are_named() {
    let place = Place::new();
    let network = network(&place);
    record(&place, &network, 1..=10).await;
    network.set_silent("w1", true);
    network.set_silent("w3", true);
    record(&place, &network, 11..=20).await;
    let report = verify_by(&place, &network.policy(TWO), None);
    assert_eq!(briefs(&report), [unwitnessed(10, 19)]);
    assert!(!report.is_intact());
    assert_eq!(
        (report.zones[0].checkpoints, report.zones[0].signed),
        (1, 10)
    );
    let evidence = &report.all().next().unwrap().evidence;
    assert!(
        evidence.ends_with("has no cosignature of w1, w3"),
        "{evidence}"
    );
    // By its key alone, it is as good as before.
    assert_eq!(place.verify(None).worst(), None);
    // What comes later with a quorum covers what came without one.
    network.set_silent("w1", false);
    record(&place, &network, 21..=30).await;
    let report = verify_by(&place, &network.policy(TWO), None);
    assert_eq!((report.worst(), report.zones[0].signed), (None, 30));
}

#[tokio::test]
async fn a_fork_that_only_the_log_signed_is_refused() {
    let place = Place::new();
    let network = network(&place);
    record(&place, &network, 1..=10).await;
    let shared = std::fs::read(place.path()).unwrap();
    record(&place, &network, 11..=20).await;
    let published = place.open().await.checkpoint("a").await.unwrap().unwrap();
    // Another history from there on, for one reader, under the same key and without witnesses.
    for side in ["-wal", "-shm"] {
        let mut path = place.path().into_os_string();
        path.push(side);
        let _gone = std::fs::remove_file(path);
    }
    std::fs::write(place.path(), shared).unwrap();
    record_alone(&place, 31..=35).await;
    record_alone(&place, 36..=40).await;
    assert!(
        place.verify(None).is_intact(),
        "its key alone does not tell"
    );
    let policy = network.policy(TWO);
    let report = verify_by(&place, &policy, None);
    assert!(briefs(&report).contains(&unwitnessed(10, 19)), "{report:?}");
    assert_eq!((report.is_intact(), report.zones[0].signed), (false, 10));
    // And what others were shown says which of the two it is.
    let report = verify_by(&place, &policy, Some(&published));
    assert_eq!(report.worst(), Some(Severity::Tampered));
}

#[tokio::test]
async fn a_whole_history_that_no_witness_has_seen_is_refused() {
    let place = Place::new();
    let network = network(&place);
    record_alone(&place, 1..=5).await;
    let policy = network.policy(TWO);
    let report = verify_by(&place, &policy, None);
    assert_eq!(briefs(&report), [unwitnessed(0, 4)]);
    assert_eq!(
        (report.zones[0].checkpoints, report.zones[0].signed),
        (0, 0)
    );
    let nobody_is_asked_for = network.policy("quorum none");
    let report = verify_by(&place, &nobody_is_asked_for, None);
    assert_eq!((report.worst(), report.zones[0].signed), (None, 5));
}

#[tokio::test]
async fn the_one_checkpoint_that_witnesses_are_being_asked_about_is_a_notice() {
    let place = Place::new();
    let network = network(&place);
    record(&place, &network, 1..=10).await;
    record_alone(&place, 11..=12).await;
    let report = verify_by(&place, &network.policy(TWO), None);
    let (_, kind, first, last) = unwitnessed(10, 11);
    assert_eq!(briefs(&report), [(Severity::Notice, kind, first, last)]);
    assert_eq!(report.zones[0].signed, 10);
}

#[tokio::test]
async fn a_cosigned_checkpoint_that_was_kept_elsewhere_is_as_good_as_a_stored_one() {
    let place = Place::new();
    let network = network(&place);
    record(&place, &network, 1..=10).await;
    let witnessed = place
        .open_witnessed(&network, TWO, PublishRule::Required)
        .await;
    let kept = witnessed.checkpoint("a").await.unwrap().unwrap();
    witnessed.close().await;
    place.sql("DELETE FROM witnessed").await;
    let policy = network.policy(TWO);
    assert!(!verify_by(&place, &policy, None).is_intact());
    let report = verify_by(&place, &policy, Some(&kept));
    assert_eq!((report.worst(), report.zones[0].signed), (None, 10));
}

#[tokio::test]
async fn every_manipulation_of_cosigned_checkpoints_is_named() {
    let checkpoint = (Severity::Tampered, FindingKind::Checkpoint, None, None);
    let cases = [
        (
            "UPDATE witnessed SET note = replace(note, char(10) || '10' || char(10), char(10) || '11' || char(10)) WHERE size = 10",
            vec![checkpoint],
        ),
        (
            "UPDATE witnessed SET note = x'ff' WHERE size = 10",
            vec![checkpoint],
        ),
        (
            "UPDATE witnessed SET note = (SELECT note FROM witnessed WHERE size = 20) WHERE size = 10",
            vec![checkpoint],
        ),
        ("DELETE FROM witnessed WHERE size = 10", vec![]),
        // The newest one: it may be that nobody answered yet.
        (
            "DELETE FROM witnessed WHERE size = 20",
            vec![(
                Severity::Notice,
                FindingKind::Unwitnessed,
                Some(10),
                Some(19),
            )],
        ),
        ("DELETE FROM witnessed", vec![unwitnessed(0, 19)]),
        ("DROP TABLE witnessed", vec![unwitnessed(0, 19)]),
        // A cosignature for 10 entries is none for 20.
        (
            "UPDATE witnessed SET note = (SELECT note FROM checkpoints WHERE size = 20) WHERE size = 20",
            vec![unwitnessed(10, 19)],
        ),
    ];
    for (statement, expected) in cases {
        let place = Place::new();
        let network = network(&place);
        record(&place, &network, 1..=10).await;
        record(&place, &network, 11..=20).await;
        place.sql(statement).await;
        let report = verify_by(&place, &network.policy(TWO), None);
        assert_eq!(briefs(&report), expected, "{statement}");
    }
}

#[tokio::test]
async fn a_policy_that_lists_other_logs_vouches_for_none_of_this_one() {
    let place = Place::new();
    let network = network(&place);
    record(&place, &network, 1..=10).await;
    let verifier = place.signer().verifier();
    for (listed, trusted) in [
        (verifier.clone(), true),
        (verifier.for_zone("a"), true),
        (verifier.for_zone("b"), false),
        (Place::new().signer().verifier(), false),
    ] {
        let policy = network.policy(&format!("{TWO}\nlog {}", listed.to_text()));
        let report = verify_by(&place, &policy, None);
        assert_eq!(report.is_intact(), trusted, "{}", listed.name());
        let kinds: Vec<_> = report.all().map(|finding| finding.kind).collect();
        let expected = [FindingKind::Policy];
        assert_eq!(kinds, if trusted { &[][..] } else { &expected });
        assert_eq!(report.zones[0].signed, if trusted { 10 } else { 0 });
    }
}
