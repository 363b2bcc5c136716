//! The emitters' numbers, across the zones of an export.
//!
//! Held are the runs of numbers of each: one for an emitter whose events are all here. An emitter of
//! several zones has as many as it went back and forth, until the zones in between were read.

use std::collections::{BTreeMap, HashMap};

use caracal_mandate::event::Emitter;

use super::super::report::{Finding, FindingKind, Severity};
use super::manifest::Account;
use crate::record::{Record, Series};

/// Consecutive numbers, and where the first of them stands.
#[derive(Debug, Clone)]
struct Run {
    last: u64,
    zone: String,
    index: u64,
    recorded_ms: u64,
}

/// The numbers that were seen.
#[derive(Debug, Default)]
pub(super) struct Numbers(HashMap<Series, BTreeMap<u64, Run>>);

/// How much of a ledger an export is.
#[derive(Debug)]
pub(super) struct Whole {
    /// Zones that are not here, by the manifest.
    left_out: Vec<String>,
    /// Whether a zone does not begin at 0.
    begins_late: bool,
    /// When the first of those zones ends that go on behind the export.
    ends_ms: Option<u64>,
}

impl Whole {
    pub(super) fn new(account: Option<&Account>) -> Self {
        Self {
            left_out: account.map(Account::left_out).unwrap_or_default(),
            begins_late: false,
            ends_ms: None,
        }
    }

    /// A zone that begins at `first`; `goes_on`: when its last entry here was recorded, if the log has
    /// more.
    pub(super) fn zone(&mut self, first: u64, goes_on: Option<u64>) {
        self.begins_late |= first > 0;
        let ends = [self.ends_ms, goes_on];
        self.ends_ms = ends.into_iter().flatten().min();
    }

    /// Where missing numbers may be, if they need not be missing from the ledger.
    fn excuse(&self, is_begin: bool, next_ms: u64) -> Option<String> {
        if is_begin && self.begins_late {
            Some("the export does not begin with the first entry".to_owned())
        } else if !self.left_out.is_empty() {
            let zones = self.left_out.join(", ");
            Some(format!("the export is without the zones {zones}"))
        } else if self.ends_ms.is_some_and(|ends| next_ms >= ends) {
            Some("another zone of the export ends before".to_owned())
        } else {
            None
        }
    }
}

impl Numbers {
    /// Notes the number of an entry; a finding where it was there before.
    pub(super) fn take(&mut self, zone: &str, index: u64, record: &Record) -> Option<Finding> {
        let Emitter { boot, name, seq } = &record.event.emitter;
        let series = Series {
            peer: record.peer.clone(),
            name: name.clone(),
            boot: boot.clone(),
        };
        let runs = self.0.entry(series).or_default();
        let before = runs.range_mut(..=seq).next_back();
        if *seq == 0 || before.as_ref().is_some_and(|(_, run)| run.last >= *seq) {
            let finding = Finding::tampered(FindingKind::EmitterDuplicate, zone).at(index);
            let finding = finding.says(
                format!("the emitter's number {seq} is there more than once, or is none"),
                format!("emitter {name:?} of peer {:?} counts from 1", record.peer),
            );
            return Some(Finding {
                emitter: Some(record.event.emitter.clone()),
                request_id: record.event.request_id.clone(),
                ..finding
            });
        }
        if let Some((_, run)) = before.filter(|(_, run)| run.last.checked_add(1) == Some(*seq)) {
            run.last = *seq;
        } else {
            let run = Run {
                last: *seq,
                zone: zone.to_owned(),
                index,
                recorded_ms: record.recorded_ms,
            };
            runs.insert(*seq, run);
        }
        join(runs, *seq);
        None
    }

    /// The holes.
    pub(super) fn findings(self, whole: &Whole) -> Vec<Finding> {
        let mut series: Vec<_> = self.0.into_iter().collect();
        series.sort_by(|(a, _), (b, _)| {
            (&a.peer, &a.name, &a.boot).cmp(&(&b.peer, &b.name, &b.boot))
        });
        let mut findings = Vec::new();
        for (series, runs) in series {
            let mut last = 0_u64;
            for (first, run) in runs {
                let next = last.saturating_add(1);
                if first > next {
                    findings.push(hole(&series, next, first, &run, whole));
                }
                last = run.last;
            }
        }
        findings
    }
}

/// Joins the run that ends with `seq` with the one that follows it.
fn join(runs: &mut BTreeMap<u64, Run>, seq: u64) {
    let Some(following) = seq.checked_add(1).and_then(|next| runs.remove(&next)) else {
        return;
    };
    if let Some((_, run)) = runs.range_mut(..=seq).next_back() {
        run.last = following.last;
    }
}

fn hole(series: &Series, next: u64, first: u64, run: &Run, whole: &Whole) -> Finding {
    let Series { peer, name, boot } = series;
    let missing = first.saturating_sub(1);
    let excuse = whole.excuse(next == 1, run.recorded_ms);
    let severity = if excuse.is_some() {
        Severity::Notice
    } else {
        Severity::Gap
    };
    let (what, why) = match excuse {
        None => (
            format!("events of the emitter with the numbers {next} to {missing} are missing"),
            format!(
                "emitter {name:?} of peer {peer:?} numbers without holes, and goes on with {first} here"
            ),
        ),
        Some(excuse) => (
            format!(
                "events of the emitter with the numbers {next} to {missing} are not in this export"
            ),
            format!("{excuse}: only an export with all of it tells whether they are in the ledger"),
        ),
    };
    let finding = Finding::new(severity, FindingKind::EmitterGap, &run.zone);
    Finding {
        emitter: Some(Emitter {
            boot: boot.clone(),
            name: name.clone(),
            seq: first,
        }),
        ..finding.at(run.index).says(what, why)
    }
}
