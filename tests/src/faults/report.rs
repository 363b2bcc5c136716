//! The table of the document.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::matrix::ROWS;
use super::plan::{Extent, KINDS, faults};
use super::row::{Place, Row};
use super::{Played, Report};

/// What a row came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tally {
    injected: usize,
    late: usize,
    lived: usize,
}

/// What a run found out, in Markdown.
#[must_use]
pub fn table(report: &Report) -> String {
    write(|row| {
        let own = || report.of(row);
        Tally {
            injected: own().count(),
            late: own().map(Played::late).sum(),
            lived: own().filter(|played| played.lived()).count(),
        }
    })
}

/// What a full run has to find out.
#[must_use]
pub fn expected() -> String {
    let all: Vec<_> = KINDS
        .iter()
        .flat_map(|kind| faults(kind, Extent::Full))
        .collect();
    write(|row| {
        let injected = all.iter().filter(|fault| fault.row.name == row.name);
        let injected = injected.count();
        Tally {
            injected,
            late: 0,
            lived: injected,
        }
    })
}

fn write(tally: impl Fn(&'static Row) -> Tally) -> String {
    let mut out = String::from(
        "| Fault | How | What clients get meanwhile | Injected | Late allows | Lived again |\n|---|---|---|--:|--:|--:|\n",
    );
    let mut all = Tally {
        injected: 0,
        late: 0,
        lived: 0,
    };
    for (place, title) in [
        (Place::Frames, "frames between the token service and Envoy"),
        (Place::Straight, "processes, connections, configuration"),
        (Place::Trap, "the VM"),
        (Place::Clock, "wall clocks"),
    ] {
        let _ = writeln!(out, "| **{title}** | | | | | |");
        for row in ROWS.iter().filter(|row| row.place == place) {
            let Tally {
                injected,
                late,
                lived,
            } = tally(row);
            let _ = writeln!(
                out,
                "| {} | {} | {} | {injected} | {late} | {lived} |",
                row.name,
                row.how,
                answers(row)
            );
            all.injected += injected;
            all.late += late;
            all.lived += lived;
        }
    }
    let _ = writeln!(
        out,
        "| all | | | {} | {} | {} |",
        all.injected, all.late, all.lived
    );
    out
}

fn answers(row: &Row) -> String {
    let code = |answers: &[&str]| {
        let quoted: Vec<_> = answers.iter().map(|answer| format!("`{answer}`")).collect();
        quoted.join(", ")
    };
    let mut text = code(row.answers);
    if !row.perhaps.is_empty() {
        let _ = write!(text, "; at times {}", code(row.perhaps));
    }
    text
}

/// What is wrong with a run.
#[must_use]
pub fn problems(report: &Report, extent: Extent) -> Vec<String> {
    let mut problems: Vec<_> = report.played.iter().flat_map(Played::problems).collect();
    if extent == Extent::Full {
        for row in ROWS {
            let seen: BTreeSet<_> = report.of(row).flat_map(Played::seen).collect();
            let unseen = row.answers.iter().filter(|answer| !seen.contains(**answer));
            problems.extend(unseen.map(|answer| format!("{}: nobody got {answer}", row.name)));
        }
    }
    problems
}

/// One line for each fault, for people.
#[must_use]
pub fn lines(report: &Report) -> String {
    report.played.iter().map(Played::line).collect()
}
