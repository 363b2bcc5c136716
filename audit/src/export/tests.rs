//! Exports of real ledgers, on both databases, read with tools of others.

mod others;

use std::path::PathBuf;

use caracal_store::testing::PostgresServer;

use super::*;
use crate::ledger::Ledger;
use crate::testing::{FixedClock, Place, submissions};
use crate::verify::{Report, Trust, verify_export};

/// A ledger of two zones with some checkpoints each, and a folder for exports of it.
pub(crate) struct Exports {
    pub(crate) place: Place,
    folder: tempfile::TempDir,
}

impl Exports {
    /// `bank` is signed at 100, 300 and 700 entries, `shop` at 40 and 50.
    pub(crate) async fn new() -> Self {
        let exports = Self {
            place: Place::new(),
            folder: tempfile::tempdir().unwrap(),
        };
        for (bank, shop) in [(1..=100, 1..=40), (101..=300, 41..=50)] {
            exports.append(bank, Some(shop)).await;
        }
        exports.append(301..=700, None).await;
        exports
    }

    async fn append(
        &self,
        bank: std::ops::RangeInclusive<u64>,
        shop: Option<std::ops::RangeInclusive<u64>>,
    ) {
        let ledger = self.place.open().await;
        ledger.append(submissions("bank", bank)).await.unwrap();
        if let Some(shop) = shop {
            ledger.append(submissions("shop", shop)).await.unwrap();
        }
        ledger.close().await;
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) async fn try_export(
        &self,
        name: &str,
        scope: &Scope,
        format: Format,
    ) -> Result<Manifest, ExportError> {
        let from = self.place.path().as_path().into();
        export(&from, &self.path(name), scope, format, 7, |_| {}).await
    }

    pub(crate) async fn export(&self, name: &str, scope: &Scope, format: Format) -> PathBuf {
        self.try_export(name, scope, format).await.unwrap();
        self.path(name)
    }

    pub(crate) fn verify(&self, folder: &Path, kept: Option<&str>) -> Report {
        verify_by(&self.place, folder, kept)
    }
}

fn verify_by(place: &Place, folder: &Path, kept: Option<&str>) -> Report {
    let trust = Trust {
        verifier_key: &place.signer().verifier().to_text(),
        kept,
        policy: None,
    };
    verify_export(folder, trust, |_| {}).unwrap()
}

pub(crate) fn part(zone: &str, first: u64, last: Option<u64>) -> Scope {
    let zone = zone.parse().unwrap();
    Scope::Part { zone, first, last }
}

#[tokio::test]
async fn an_export_of_any_format_is_intact_and_says_what_it_holds() {
    let exports = Exports::new().await;
    for format in Format::ALL {
        let name = format.file();
        let manifest = exports.try_export(name, &Scope::All, format).await.unwrap();
        let zones: Vec<_> = manifest
            .zones
            .iter()
            .map(|zone| (zone.zone.as_str(), zone.last, zone.checkpoints))
            .collect();
        assert_eq!(zones, [("bank", 699, 3), ("shop", 49, 2)]);
        let report = exports.verify(&exports.path(name), None);
        assert_eq!(report.worst(), None, "{report:?}");
        let ledger = exports.place.verify(None);
        for (found, expected) in report.zones.iter().zip(&ledger.zones) {
            assert_eq!(found, expected);
        }
    }
}

#[tokio::test]
async fn a_line_is_a_leaf() {
    let exports = Exports::new().await;
    let folder = exports.export("a", &Scope::All, Format::Jsonl).await;
    let ledger = exports.place.open().await;
    let query = crate::ListQuery {
        zone: "shop".to_owned(),
        ..crate::ListQuery::default()
    };
    let mut bodies: Vec<_> = ledger
        .list(query)
        .await
        .unwrap()
        .into_iter()
        .map(|one| one.body)
        .collect();
    bodies.reverse();
    let lines = std::fs::read(folder.join("shop/entries.jsonl")).unwrap();
    assert_eq!(
        lines,
        bodies
            .iter()
            .flat_map(|body| [&body[..], b"\n"].concat())
            .collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn a_part_begins_where_it_was_asked_to_and_ends_at_the_next_checkpoint() {
    let exports = Exports::new().await;
    for (first, last, expected) in [
        (0, Some(99), (0, 99)),
        (0, Some(100), (0, 299)),
        (100, Some(250), (100, 299)),
        (257, None, (257, 699)),
        (699, Some(699), (699, 699)),
    ] {
        for format in Format::ALL {
            let name = format!("{first}-{last:?}-{}", format.file());
            let folder = exports
                .export(&name, &part("bank", first, last), format)
                .await;
            let report = exports.verify(&folder, None);
            let [zone] = &report.zones[..] else {
                panic!("{report:?}")
            };
            let (from, to) = expected;
            assert_eq!(
                (zone.entries, zone.signed),
                (to - from + 1, to - from + 1),
                "{name}"
            );
            assert!(
                report.worst() <= Some(crate::Severity::Notice),
                "{report:?}"
            );
        }
    }
}

#[tokio::test]
async fn what_is_not_signed_or_not_there_is_not_exported() {
    let exports = Exports::new().await;
    for (scope, expected) in [
        (part("bank", 700, None), "Unsigned"),
        (part("bank", 0, Some(700)), "Unsigned"),
        (part("nobody", 0, None), "NoZone"),
        (
            Scope::Zones(vec!["bank".parse().unwrap(), "nobody".parse().unwrap()]),
            "NoZone",
        ),
    ] {
        let error = exports
            .try_export("a", &scope, Format::Jsonl)
            .await
            .unwrap_err();
        assert!(format!("{error:?}").starts_with(expected), "{error:?}");
    }
    let left: Vec<_> = std::fs::read_dir(exports.folder.path()).unwrap().collect();
    assert!(left.is_empty(), "an export that failed leaves {left:?}");
}

#[tokio::test]
async fn an_export_replaces_nothing_and_makes_no_ledger() {
    let exports = Exports::new().await;
    std::fs::write(exports.path("a"), "mine").unwrap();
    let error = exports
        .try_export("a", &Scope::All, Format::Jsonl)
        .await
        .unwrap_err();
    assert!(matches!(error, ExportError::Exists));
    assert_eq!(std::fs::read(exports.path("a")).unwrap(), b"mine");
    let nowhere = exports.path("no.db");
    let from = nowhere.as_path().into();
    let error = export(
        &from,
        &exports.path("b"),
        &Scope::All,
        Format::Jsonl,
        7,
        |_| {},
    )
    .await;
    assert!(matches!(error, Err(ExportError::NoLedger(_))));
    assert!(!nowhere.exists());
}

#[tokio::test]
async fn what_a_killed_export_leaves_has_no_name_and_is_not_taken_for_whole() {
    let exports = Exports::new().await;
    let (from, to) = (exports.place.path(), exports.path("a"));
    let mut looked = 0;
    let look = |_| {
        assert!(!to.exists());
        let mut left = std::fs::read_dir(exports.folder.path()).unwrap();
        let unfinished = left.next().unwrap().unwrap().path();
        let report = exports.verify(&unfinished, None);
        assert!(!report.is_intact(), "{report:#?}");
        looked += 1;
    };
    let from = from.as_path().into();
    export(&from, &to, &Scope::All, Format::Jsonl, 7, look)
        .await
        .unwrap();
    assert_eq!(looked, 3, "bank has two pages, shop one");
    assert_eq!(std::fs::read_dir(exports.folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_ledger_that_does_not_verify_is_not_exported_and_the_entry_is_told() {
    for (statement, expected) in [
        (
            "UPDATE log_entries SET body = replace(body, 'payout', 'payin') WHERE zone = 'bank' AND idx = 150",
            "Leaf { zone: \"bank\", index: 150 }",
        ),
        (
            "DELETE FROM log_entries WHERE zone = 'bank' AND idx = 299",
            "Missing { zone: \"bank\", index: 299 }",
        ),
        (
            "UPDATE log_entries SET idx = 1000 WHERE zone = 'shop' AND idx = 0",
            "Missing { zone: \"shop\", index: 0 }",
        ),
        (
            "UPDATE checkpoints SET note = (SELECT note FROM checkpoints WHERE zone = 'bank' AND size = 100) WHERE zone = 'bank' AND size = 300",
            "Checkpoint { zone: \"bank\", size: 300",
        ),
        (
            "UPDATE checkpoints SET frontier = zeroblob(96) WHERE zone = 'bank' AND size = 100",
            "Checkpoint { zone: \"bank\", size: 100",
        ),
    ] {
        let exports = Exports::new().await;
        exports.place.sql(statement).await;
        let error = exports
            .try_export("a", &Scope::All, Format::Jsonl)
            .await
            .unwrap_err();
        assert!(
            format!("{error:?}").starts_with(expected),
            "{statement}: {error:?}"
        );
        assert!(!exports.path("a").exists());
    }
}

#[tokio::test]
async fn a_ledger_on_a_server_is_exported_as_one_in_a_file_is() {
    let exports = Exports::new().await;
    let url = PostgresServer::shared().empty_database().await;
    let clock = std::sync::Arc::new(FixedClock);
    let ledger = Ledger::connect(&url, exports.place.signer(), clock)
        .await
        .unwrap();
    for seqs in [1..=100, 101..=300, 301..=700] {
        ledger.append(submissions("bank", seqs)).await.unwrap();
    }
    ledger.append(submissions("shop", 1..=50)).await.unwrap();
    ledger.close().await;
    let served = exports.path("served");
    export(&url, &served, &Scope::All, Format::Jsonl, 7, |_| {})
        .await
        .unwrap();
    let filed = exports.export("filed", &Scope::All, Format::Jsonl).await;
    for zone in ["bank", "shop"] {
        let read = |folder: &Path| std::fs::read(folder.join(zone).join("entries.jsonl")).unwrap();
        assert!(read(&served) == read(&filed), "{zone}");
    }
    assert_eq!(exports.verify(&served, None).worst(), None);
}
