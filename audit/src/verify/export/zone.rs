//! One zone of an export.

use std::path::Path;

use super::super::judge::{Judge, Seen};
use super::super::report::{Finding, FindingKind, Progress, ZoneReport};
use super::entries::Entries;
use super::files;
use super::manifest::{self, Found};
use super::march::March;
use super::numbers::Numbers;
use super::states::States;
use super::trusting::Trusting;
use super::walk::Walk;
use crate::export::{FRONTIER, Format, ZoneManifest, read_frontier};
use crate::merkle::Frontier;
use crate::note::MAX_NOTE_BYTES;

/// What is verified.
pub(super) struct Subject<'a> {
    pub(super) folder: &'a Path,
    pub(super) zone: &'a str,
    pub(super) judge: &'a Judge<'a>,
    /// A checkpoint of this zone that was kept elsewhere.
    pub(super) kept: Option<Seen>,
    pub(super) stated: Option<&'a ZoneManifest>,
}

/// What came of it.
pub(super) struct Checked {
    pub(super) report: ZoneReport,
    /// Index of the first entry.
    pub(super) first: u64,
    /// When the last entry was recorded, if the log is said to go on behind it.
    pub(super) goes_on: Option<u64>,
}

pub(super) fn verify(
    subject: Subject<'_>,
    numbers: &mut Numbers,
    progress: &mut impl FnMut(Progress),
) -> Checked {
    let Subject {
        folder,
        zone,
        judge,
        kept,
        stated,
    } = subject;
    let mut findings = Vec::new();
    let before = begin(folder, zone, stated, &mut findings);
    let first = before.first;
    let origin = judge.verifier.for_zone(zone).name().to_owned();
    let mut march = March {
        walk: Walk::new(zone, first, before.frontier.clone()),
        states: States::open(folder, zone, judge, first, kept.clone(), &mut findings),
        trust: Trusting::new(judge, zone),
        before: before.frontier,
        findings,
        checkpoints: 0,
    };
    march.behind(kept.as_ref(), first);
    let total = stated.map_or(0, |stated| stated.entries);
    if let Some(mut entries) = open(folder, zone, &origin, &mut march.findings) {
        loop {
            let read = entries.batch(|item| {
                march.walk.entry(item, numbers);
                march.pass();
            });
            match read {
                Ok(0) => break,
                Ok(_) => progress(Progress {
                    zone: zone.to_owned(),
                    checked: march.walk.position().saturating_sub(first),
                    total,
                }),
                Err(evidence) => {
                    let finding = Finding::tampered(FindingKind::Unreadable, zone);
                    let finding = finding.at(march.walk.position());
                    let what = "the entries from here on cannot be read";
                    march.walk.push(finding.says(what, evidence));
                    break;
                }
            }
        }
    }
    march.end(folder, zone, judge);
    let March {
        walk,
        trust,
        mut findings,
        checkpoints,
        ..
    } = march;
    let entries = walk.position().saturating_sub(first);
    let found = Found {
        zone,
        origin: &origin,
        first,
        entries,
        checkpoints,
    };
    findings.extend(manifest::compare(stated, &found));
    let has_more = |stated: &ZoneManifest| stated.log_size > stated.last.saturating_add(1);
    let goes_on = walk.recorded_ms.filter(|_| stated.is_some_and(has_more));
    let report = ZoneReport {
        zone: zone.to_owned(),
        entries,
        checkpoints: trust.good,
        signed: walk.confirmed().saturating_sub(first),
        root: walk.root().to_string(),
        findings: {
            findings.extend(walk.finish());
            findings.extend(trust.finding(zone));
            findings
        },
    };
    Checked {
        report,
        first,
        goes_on,
    }
}

/// Where the entries begin.
struct Begin {
    first: u64,
    frontier: Option<Frontier>,
}

fn begin(
    folder: &Path,
    zone: &str,
    stated: Option<&ZoneManifest>,
    findings: &mut Vec<Finding>,
) -> Begin {
    let path = folder.join(FRONTIER);
    if std::fs::symlink_metadata(&path).is_err() {
        let frontier = Some(Frontier::new());
        return Begin { first: 0, frontier };
    }
    let text = files::text(&path, MAX_NOTE_BYTES);
    let read = text.map_err(|error| error.to_string());
    let read = read.and_then(|text| {
        let spelled = "it is not a size and as many hashes as a tree of that size has";
        read_frontier(&text).ok_or_else(|| spelled.to_owned())
    });
    match read {
        Ok(frontier) => Begin {
            first: frontier.size(),
            frontier: Some(frontier),
        },
        Err(evidence) => {
            let finding = Finding::tampered(FindingKind::State, zone);
            findings
                .push(finding.says("the frontier before the entries is not readable", evidence));
            // Where they begin is then only said; the first checkpoint shows it.
            Begin {
                first: stated.map_or(0, |stated| stated.first),
                frontier: None,
            }
        }
    }
}

fn open(folder: &Path, zone: &str, origin: &str, findings: &mut Vec<Finding>) -> Option<Entries> {
    let there = |format: &Format| std::fs::symlink_metadata(folder.join(format.file())).is_ok();
    let mut formats = Format::ALL.into_iter().filter(there);
    let format = formats.next();
    if let Some(other) = formats.next() {
        let finding = Finding::tampered(FindingKind::Unreadable, zone);
        findings.push(finding.says(
            "there are entries in more than one format, and only one of them is verified",
            format!("{} is not looked at", other.file()),
        ));
    }
    let opened = match format {
        Some(format) => Entries::open(folder, format, origin),
        None => Err("there is no file with entries".to_owned()),
    };
    opened
        .map_err(|evidence| {
            let finding = Finding::tampered(FindingKind::Missing, zone);
            findings.push(finding.says("the entries cannot be read", evidence));
        })
        .ok()
}
