//! Keys, checkpoints and policies of others.

use super::*;
use crate::note::CheckpointSigner;
use crate::testing::{Network, Place, submissions};
use crate::{Checkpoint, PublishRule};

fn note(folder: &Path, zone: &str) -> String {
    fs::read_to_string(folder.join(zone).join("checkpoint")).unwrap()
}

#[tokio::test]
async fn checkpoints_of_another_key_are_worth_nothing() {
    let (exports, folder) = exported().await;
    let stranger = CheckpointSigner::generate("audit.example").unwrap();
    let file = folder.join("shop/checkpoints.jsonl");
    edit(&file, |all| {
        for line in all {
            let mut state: serde_json::Value = serde_json::from_str(line).unwrap();
            let text = state["note"]
                .as_str()
                .unwrap()
                .split_once("\n\n")
                .unwrap()
                .0
                .to_owned()
                + "\n";
            state["note"] = stranger.sign(&Checkpoint::from_text(&text).unwrap()).into();
            *line = format!("{state}\n");
        }
    });
    let report = exports.verify(&folder, None);
    let shop = report
        .zones
        .iter()
        .find(|zone| zone.zone == "shop")
        .unwrap();
    assert_eq!((shop.checkpoints, shop.signed), (0, 0));
    let forged =
        |one: &&Finding| one.kind == FindingKind::Checkpoint && one.what.contains("forged");
    assert_eq!(shop.findings.iter().filter(forged).count(), 2, "{shop:#?}");
    assert!(!report.is_intact());
}

#[tokio::test]
async fn the_newest_note_for_other_tools_has_to_be_one_of_the_others() {
    let (exports, folder) = exported().await;
    for foreign in [note(&folder, "shop"), "nonsense\n".to_owned()] {
        fs::write(folder.join("bank/checkpoint"), foreign).unwrap();
        let report = exports.verify(&folder, None);
        assert_eq!(
            briefs(&report),
            [(FindingKind::Checkpoint, None, None)],
            "{report:#?}"
        );
    }
}

#[tokio::test]
async fn a_kept_checkpoint_is_held_against_the_export_wherever_it_lies() {
    let (exports, whole) = exported().await;
    let kept: Vec<String> = lines(&whole.join("bank/checkpoints.jsonl"))
        .iter()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["note"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    for note in &kept {
        assert_eq!(exports.verify(&whole, Some(note)).worst(), None);
    }
    let begun = exports
        .export("begun", &part("bank", 0, Some(250)), Format::Jsonl)
        .await;
    let report = exports.verify(&begun, Some(&kept[2]));
    assert!(
        briefs(&report).contains(&over(FindingKind::Missing, 300, 699)),
        "{report:#?}"
    );
    let later = exports
        .export("later", &part("bank", 300, None), Format::Jsonl)
        .await;
    assert!(exports.verify(&later, Some(&kept[1])).is_intact());
    let report = exports.verify(&later, Some(&kept[0]));
    let said = report
        .all()
        .any(|one| one.what.contains("was not compared"));
    assert!(said && report.is_intact(), "{report:#?}");
    // Another history of the same ledger, signed with the same key.
    let fork = |size| {
        let root = crate::merkle::reference::root(&crate::merkle::reference::leaves(size));
        let (origin, size) = (
            "audit.example/bank".to_owned(),
            u64::try_from(size).unwrap(),
        );
        exports
            .place
            .signer()
            .sign(&Checkpoint { origin, size, root })
    };
    let report = exports.verify(&later, Some(&fork(300)));
    assert!(
        report.all().any(|one| one.what.contains("another history")),
        "{report:#?}"
    );
    for size in [50, 300, 700] {
        let report = exports.verify(&whole, Some(&fork(size)));
        assert!(
            report.all().any(|one| one.kind == FindingKind::Root),
            "{size}: {report:#?}"
        );
        assert!(!report.is_intact());
    }
}

#[tokio::test]
async fn cosignatures_go_with_the_export_and_a_policy_demands_them() {
    const TWO: &str = "group two 2 w1 w2 w3\nquorum two";
    let place = Place::new();
    let verifier = place.signer().verifier();
    let network = Network::new(3, &[verifier.for_zone("a")]);
    for (seqs, silent) in [(1..=10, false), (11..=20, true)] {
        network.set_silent("w1", silent);
        network.set_silent("w2", silent);
        let ledger = place
            .open_witnessed(&network, TWO, PublishRule::BestEffort)
            .await;
        ledger.append(submissions("a", seqs)).await.unwrap();
        ledger.close().await;
    }
    let scratch = tempfile::tempdir().unwrap();
    let policy = network.policy(TWO);
    let key = verifier.to_text();
    for (last, worst) in [(Some(5), None), (None, Some(Severity::Unwitnessed))] {
        let folder = scratch.path().join(format!("{last:?}"));
        let from = place.path().as_path().into();
        let scope = part("a", 0, last);
        crate::export::export(&from, &folder, &scope, Format::Jsonl, 7, |_| {})
            .await
            .unwrap();
        let trust = Trust {
            verifier_key: &key,
            kept: None,
            policy: Some(&policy),
        };
        let report = verify_export(&folder, trust, |_| {}).unwrap();
        assert_eq!(report.worst(), worst, "{report:#?}");
        assert_eq!(
            (report.zones[0].checkpoints, report.zones[0].signed),
            (1, 10)
        );
    }
}

#[tokio::test]
async fn what_is_no_export_is_not_called_intact() {
    let (exports, folder) = exported().await;
    let key = exports.place.signer().verifier().to_text();
    let trust = |key| Trust {
        verifier_key: key,
        kept: None,
        policy: None,
    };
    let empty = tempfile::tempdir().unwrap();
    for nothing in [empty.path(), &folder.join("nowhere")] {
        let error = verify_export(nothing, trust(&key), |_| {}).unwrap_err();
        assert!(matches!(error, VerifyError::Export(_)));
    }
    let error = verify_export(&folder, trust("no key"), |_| {}).unwrap_err();
    assert!(matches!(error, VerifyError::Key(_)));
}
