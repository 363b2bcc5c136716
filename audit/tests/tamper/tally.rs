//! What became of the manipulations, by kind.

use std::fmt;
use std::ops::RangeInclusive;

use caracal_audit::{Finding, Report, Severity};

use super::image::Image;
use super::kinds::{Done, Kind, Touched};

/// How narrowly a manipulation was named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Named {
    /// Not at all.
    No,
    /// By ranges of entries that are no wider than from one checkpoint to the next.
    Range,
    /// By these entries and no others; or by the zone or emitter, where no entry is concerned.
    Exactly,
}

/// How the report names what was done.
pub(crate) fn named(kind: Kind, done: &Done, report: &Report, image: &Image) -> Named {
    // One that was appended could as well have been appended by the ledger a moment ago.
    let least = if kind == Kind::Append {
        Severity::Notice
    } else {
        Severity::Tampered
    };
    let findings: Vec<_> = report
        .all()
        .filter(|finding| finding.severity >= least)
        .collect();
    match &done.touched {
        Touched::Entries(touched) => entries(touched, &findings, image),
        Touched::State(zone) => exactly(findings.iter().any(|finding| finding.zone == *zone)),
        Touched::Emitter(name) => exactly(
            findings
                .iter()
                .any(|finding| finding.to_string().contains(name)),
        ),
    }
}

fn exactly(named: bool) -> Named {
    if named { Named::Exactly } else { Named::No }
}

fn entries(
    touched: &[(String, RangeInclusive<u64>)],
    findings: &[&Finding],
    image: &Image,
) -> Named {
    // A finding over everything names nothing. What is moved by deleting and inserting reaches to the
    // end of the log; each checkpoint on the way has a finding of its own.
    let narrow =
        |zone: &str, range: &RangeInclusive<u64>| image.logs[zone].between_checkpoints(range);
    if covers(touched, findings, |_, range| range.clone()) {
        Named::Exactly
    } else if covers(touched, findings, narrow) {
        Named::Range
    } else {
        Named::No
    }
}

/// Whether every entry is named by a finding that does not reach beyond its bounds.
fn covers(
    touched: &[(String, RangeInclusive<u64>)],
    findings: &[&Finding],
    bounds: impl Fn(&str, &RangeInclusive<u64>) -> RangeInclusive<u64>,
) -> bool {
    touched.iter().all(|(zone, range)| {
        let bounds = bounds(zone, range);
        let findings = findings.iter().filter(|finding| finding.zone == *zone);
        let ranges = findings.filter_map(|finding| Some(finding.first?..=finding.last?));
        let ranges =
            ranges.filter(|named| bounds.contains(named.start()) && bounds.contains(named.end()));
        let ranges: Vec<_> = ranges.collect();
        range
            .clone()
            .all(|index| ranges.iter().any(|named| named.contains(&index)))
    })
}

/// Counts of one kind.
#[derive(Clone, Copy, Default)]
struct Counts {
    done: u32,
    found: u32,
    named: u32,
    exactly: u32,
    with_kept: u32,
    without_kept: u32,
}

pub(crate) struct Tally(Vec<Counts>);

impl Tally {
    pub(crate) fn new() -> Self {
        Self(vec![Counts::default(); Kind::ALL.len()])
    }

    pub(crate) fn count(&mut self, kind: Kind, found: bool, named: Named) {
        let counts = self.of(kind);
        counts.done += 1;
        counts.found += u32::from(found);
        counts.named += u32::from(named >= Named::Range);
        counts.exactly += u32::from(named == Named::Exactly);
    }

    /// One that needs a checkpoint that was kept, and whether it was found without.
    pub(crate) fn count_without_kept(&mut self, kind: Kind, found: bool) {
        let counts = self.of(kind);
        counts.with_kept += 1;
        counts.without_kept += u32::from(found);
    }

    fn of(&mut self, kind: Kind) -> &mut Counts {
        let place = Kind::ALL.iter().position(|one| *one == kind);
        &mut self.0[place.unwrap()]
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| | done | found | named | exactly | found without a kept checkpoint |"
        )?;
        writeln!(f, "|---|---|---|---|---|---|")?;
        let mut sum = Counts::default();
        for (kind, counts) in Kind::ALL.iter().zip(&self.0) {
            line(f, kind.name(), counts)?;
            sum.done += counts.done;
            sum.found += counts.found;
            sum.named += counts.named;
            sum.exactly += counts.exactly;
            sum.with_kept += counts.with_kept;
            sum.without_kept += counts.without_kept;
        }
        line(f, "all", &sum)
    }
}

fn line(f: &mut fmt::Formatter<'_>, name: &str, counts: &Counts) -> fmt::Result {
    let Counts {
        done,
        found,
        named,
        exactly,
        with_kept,
        without_kept,
    } = counts;
    let without = if *with_kept == 0 {
        String::new()
    } else {
        format!("{without_kept} of {with_kept}")
    };
    writeln!(
        f,
        "| {name} | {done} | {found} | {named} | {exactly} | {without} |"
    )
}
