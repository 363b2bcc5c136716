//! Exports that were changed: everything is found, and named.

mod random;
mod tables;
mod trust;

use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::export::tests::{Exports, part};
use crate::export::{Format, Scope};
use crate::verify::{Finding, FindingKind, Severity};

/// What is done to the lines of a file.
type Change = fn(&mut Vec<String>);

/// Kind, first and last entry of everything that is worse than a notice.
type Brief = (FindingKind, Option<u64>, Option<u64>);

fn briefs(report: &Report) -> Vec<Brief> {
    let bad = report.all().filter(|one| one.severity > Severity::Notice);
    bad.map(|one| (one.kind, one.first, one.last)).collect()
}

const fn over(kind: FindingKind, first: u64, last: u64) -> Brief {
    (kind, Some(first), Some(last))
}

fn lines(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap();
    text.lines().map(|line| format!("{line}\n")).collect()
}

/// Changes the lines of a file.
fn edit(file: &Path, change: impl FnOnce(&mut Vec<String>)) {
    let mut all = lines(file);
    change(&mut all);
    fs::write(file, all.concat()).unwrap();
}

/// An export of all as JSON Lines.
async fn exported() -> (Exports, PathBuf) {
    let exports = Exports::new().await;
    let folder = exports.export("all", &Scope::All, Format::Jsonl).await;
    (exports, folder)
}

#[tokio::test]
async fn changes_of_the_lines_are_found_and_named_by_the_checkpoints_around_them() {
    use FindingKind::{Body, EmitterDuplicate, EmitterGap, Missing, Root, State, Unsigned};
    let (exports, folder) = exported().await;
    let file = folder.join("bank/entries.jsonl");
    let original = fs::read(&file).unwrap();
    let cases: [(&str, Change, &[Brief]); 8] = [
        (
            "a member is changed",
            |all| all[150] = all[150].replace("payout", "payin"),
            &[over(Root, 100, 299)],
        ),
        (
            "a line is no record",
            |all| all[150] = all[150].replace("payout", "pay\u{1}out"),
            &[
                over(Body, 150, 150),
                over(Root, 100, 299),
                over(EmitterGap, 151, 151),
            ],
        ),
        (
            "a line is spelled otherwise",
            |all| all[99] = all[99].replace(':', ": "),
            &[
                over(Body, 99, 99),
                over(Root, 0, 99),
                over(EmitterGap, 100, 100),
            ],
        ),
        (
            "two lines are swapped",
            |all| all.swap(301, 302),
            &[over(Root, 300, 699)],
        ),
        (
            "a line is taken out",
            |all| {
                all.remove(500);
            },
            &[
                (State, None, None),
                over(Missing, 699, 699),
                over(Root, 300, 698),
                over(EmitterGap, 500, 500),
            ],
        ),
        (
            "a line is there twice",
            |all| all.insert(500, all[499].clone()),
            &[
                (State, None, None),
                over(Unsigned, 700, 700),
                over(EmitterDuplicate, 500, 500),
                over(Root, 300, 699),
            ],
        ),
        (
            "the end is cut off",
            |all| all.truncate(650),
            &[
                (State, None, None),
                over(Missing, 650, 699),
                over(Root, 300, 649),
            ],
        ),
        (
            "nothing is left",
            Vec::clear,
            &[(State, None, None), over(Missing, 0, 699)],
        ),
    ];
    for (name, change, expected) in cases {
        edit(&file, change);
        let report = exports.verify(&folder, None);
        let mut found = briefs(&report);
        let mut expected = expected.to_vec();
        let key = |brief: &Brief| format!("{brief:?}");
        found.sort_by_key(key);
        expected.sort_by_key(key);
        assert_eq!(found, expected, "{name}: {report:#?}");
        fs::write(&file, &original).unwrap();
    }
    assert_eq!(exports.verify(&folder, None).worst(), None);
}

#[tokio::test]
async fn a_line_that_was_cut_in_two_is_told() {
    let (exports, folder) = exported().await;
    let file = folder.join("bank/entries.jsonl");
    let text = fs::read(&file).unwrap();
    for cut in [1, 2, 300] {
        fs::write(&file, &text[..text.len() - cut]).unwrap();
        let report = exports.verify(&folder, None);
        let told = report
            .all()
            .any(|one| one.evidence.contains("the line has no end") && one.last == Some(699));
        assert!(told && !report.is_intact(), "{report:#?}");
    }
}

#[tokio::test]
async fn a_line_without_an_end_is_not_read_into_memory() {
    let (exports, folder) = exported().await;
    fs::write(folder.join("bank/entries.jsonl"), vec![b'a'; 1 << 20]).unwrap();
    let report = exports.verify(&folder, None);
    let finding = report
        .all()
        .find(|one| one.kind == FindingKind::Unreadable)
        .unwrap();
    assert!(
        finding.evidence.contains("more than 65535 bytes"),
        "{finding}"
    );
}

#[tokio::test]
async fn two_zones_that_were_swapped_are_found_in_both() {
    let (exports, folder) = exported().await;
    fs::rename(folder.join("bank"), folder.join("x")).unwrap();
    fs::rename(folder.join("shop"), folder.join("bank")).unwrap();
    fs::rename(folder.join("x"), folder.join("shop")).unwrap();
    let report = exports.verify(&folder, None);
    for (zone, other) in report.zones.iter().zip(["shop", "bank"]) {
        let says = |kind, text: &str| {
            zone.findings
                .iter()
                .any(|one| one.kind == kind && one.evidence.contains(text))
        };
        assert!(
            says(
                FindingKind::Checkpoint,
                &format!("it names the log of zone \"{other}\"")
            ),
            "{zone:#?}"
        );
        assert!(
            says(
                FindingKind::Body,
                &format!("it is an event of zone \"{other}\"")
            ),
            "{zone:#?}"
        );
        assert_eq!(zone.signed, 0);
        assert!(
            zone.findings.len() < 10,
            "one finding for all entries: {zone:#?}"
        );
    }
}

#[tokio::test]
async fn what_was_taken_out_is_missed() {
    let (exports, folder) = exported().await;
    for (file, kind) in [
        ("manifest.json", FindingKind::State),
        ("bank/entries.jsonl", FindingKind::Missing),
        ("bank/checkpoint", FindingKind::Checkpoint),
        ("bank/checkpoints.jsonl", FindingKind::Checkpoint),
    ] {
        let bytes = fs::read(folder.join(file)).unwrap();
        fs::remove_file(folder.join(file)).unwrap();
        let report = exports.verify(&folder, None);
        let found: Vec<_> = report.all().filter(|one| one.kind == kind).collect();
        assert!(
            !found.is_empty() && !report.is_intact(),
            "{file}: {report:#?}"
        );
        fs::write(folder.join(file), bytes).unwrap();
    }
    fs::remove_dir_all(folder.join("shop")).unwrap();
    let report = exports.verify(&folder, None);
    assert!(
        report
            .zones
            .iter()
            .any(|zone| zone.zone == "shop" && !zone.findings.is_empty())
    );
    assert!(!report.is_intact());
}

#[tokio::test]
async fn a_frontier_that_is_not_the_logs_is_found() {
    let exports = Exports::new().await;
    let folder = exports
        .export("part", &part("bank", 257, None), Format::Jsonl)
        .await;
    let file = folder.join("bank/frontier");
    let original = fs::read_to_string(&file).unwrap();
    let peaks: Vec<_> = original.lines().collect();
    assert_eq!(peaks.len(), 3, "257 is 256 and 1");
    let swapped = format!("257\n{}\n{}\n", peaks[2], peaks[1]);
    edit(&file, |all| all[1] = all[2].clone());
    for (name, text) in [
        ("another root", fs::read_to_string(&file).unwrap()),
        ("two roots swapped", swapped),
        ("another size", original.replacen("257", "258", 1)),
        ("no size", original.replacen("257", "x", 1)),
        ("one root less", peaks[..2].join("\n") + "\n"),
        ("empty", String::new()),
    ] {
        fs::write(&file, text).unwrap();
        let report = exports.verify(&folder, None);
        let named = report
            .all()
            .any(|one| one.what.contains("the frontier before"));
        assert!(named && !report.is_intact(), "{name}: {report:#?}");
        // What comes behind the next checkpoint is confirmed by itself.
        // Of another size, all entries are in another place.
        if name == "another size" {
            continue;
        }
        let mut roots = report.all().filter(|one| one.kind == FindingKind::Root);
        assert!(
            roots.all(|one| one.last <= Some(299)),
            "{name}: {report:#?}"
        );
    }
    fs::remove_file(&file).unwrap();
    assert!(
        !exports.verify(&folder, None).is_intact(),
        "257 entries fewer from 0 on"
    );
}

#[tokio::test]
async fn a_hole_in_an_emitters_numbers_is_a_gap_only_where_all_is_here() {
    let exports = Exports::new().await;
    let gap = |report: &Report| {
        report
            .all()
            .find(|one| one.kind == FindingKind::EmitterGap)
            .cloned()
    };
    let later = exports
        .export("later", &part("bank", 300, None), Format::Jsonl)
        .await;
    let report = exports.verify(&later, None);
    let begin = gap(&report).unwrap();
    assert_eq!(
        (begin.severity, begin.first),
        (Severity::Notice, Some(300)),
        "{report:#?}"
    );
    assert!(
        begin
            .evidence
            .contains("does not begin with the first entry"),
        "{begin}"
    );
    // A number that never reached the ledger.
    let ledger = exports.place.open().await;
    ledger
        .append(crate::testing::submissions("bank", 702..=710))
        .await
        .unwrap();
    ledger.close().await;
    let all = exports.export("all", &Scope::All, Format::Jsonl).await;
    let finding = gap(&exports.verify(&all, None)).unwrap();
    assert_eq!(
        (finding.severity, finding.first),
        (Severity::Gap, Some(700)),
        "{finding}"
    );
    assert!(finding.what.contains("the numbers 701 to 701"), "{finding}");
    let one = exports
        .export("one", &part("bank", 0, None), Format::Jsonl)
        .await;
    let finding: Finding = gap(&exports.verify(&one, None)).unwrap();
    assert_eq!(
        finding.severity,
        Severity::Notice,
        "it may be in the other zone: {finding}"
    );
    assert!(
        finding.evidence.contains("without the zones shop"),
        "{finding}"
    );
}
