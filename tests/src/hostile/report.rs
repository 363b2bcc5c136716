//! The tables: one line for each class, and one for each case with who refuses it where.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::case::{At, Expect};
use super::class::Class;
use super::play::{Fate, Played, Run};

/// What a class comes to.
#[derive(Debug, Clone, Copy, Default)]
struct Row {
    cases: usize,
    runs: usize,
    envoy: usize,
    filter: usize,
    passed: usize,
    cut: usize,
    stray: usize,
}

/// The ways of one column, by which side they are of.
const COLUMNS: [(&str, u8); 6] = [
    ("shipped", 1),
    ("shipped", 2),
    ("bare", 1),
    ("bare", 2),
    ("repairing", 1),
    ("repairing", 2),
];

fn rows(played: &[Played]) -> BTreeMap<Class, Row> {
    let mut rows = BTreeMap::<Class, Row>::new();
    for Played { case, runs } in played {
        let row = rows.entry(case.class).or_default();
        row.cases += 1;
        for run in runs {
            row.runs += 1;
            row.stray += run.stray_bytes;
            match run.fate {
                Fate::Envoy => row.envoy += 1,
                Fate::Filter => row.filter += 1,
                Fate::Passed => row.passed += 1,
                Fate::CutOff => row.cut += 1,
            }
        }
    }
    rows
}

/// The table of classes, in Markdown.
#[must_use]
pub fn classes(played: &[Played]) -> String {
    let mut out = String::from(
        "| Class | Weakness | Cases | Sent | Refused by Envoy | Refused by the filter | Let through in normal form | Cut off in the content | Stray bytes upstream |\n|---|---|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    let mut total = Row::default();
    for (class, row) in rows(played) {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            class.name,
            class.weakness,
            row.cases,
            row.runs,
            row.envoy,
            row.filter,
            row.passed,
            row.cut,
            row.stray
        );
        total.cases += row.cases;
        total.runs += row.runs;
        total.envoy += row.envoy;
        total.filter += row.filter;
        total.passed += row.passed;
        total.cut += row.cut;
        total.stray += row.stray;
    }
    let _ = writeln!(
        out,
        "| all | | {} | {} | {} | {} | {} | {} | {} |",
        total.cases, total.runs, total.envoy, total.filter, total.passed, total.cut, total.stray
    );
    out
}

/// Every case with its fate in every way, in Markdown.
#[must_use]
pub fn cases(played: &[Played]) -> String {
    let mut out = String::new();
    let mut last = None;
    for Played { case, runs } in played {
        if last != Some(case.class) {
            last = Some(case.class);
            let _ = write!(
                out,
                "\n## {}\n\n{}\n\n",
                case.class.name, case.class.weakness
            );
            out.push_str(if case.at == At::Resource {
                "| Case | Expected | shipped h1 | h2 | bare h1 | h2 | repairing h1 | h2 |\n|---|---|---|---|---|---|---|---|\n"
            } else {
                "| Case | Expected | h1 | h2 |\n|---|---|---|---|\n"
            });
        }
        let columns: Vec<(&str, u8)> = match case.at {
            At::Resource => COLUMNS.to_vec(),
            At::Agent => vec![("agent", 1), ("agent", 2)],
            At::Gateway => vec![("gateway", 1), ("gateway", 2)],
        };
        let name = case.name.replace('|', "\\|");
        let _ = write!(out, "| {name} | {} |", expected(&case.expect));
        for (way, protocol) in columns {
            let run = runs
                .iter()
                .find(|run| run.way == way && run.protocol == protocol);
            let _ = write!(out, " {} |", run.map_or("", fate));
        }
        out.push('\n');
    }
    out
}

fn expected(expect: &Expect) -> String {
    match expect {
        Expect::Refused(reason) => format!("`{reason}`"),
        Expect::CutOff => "cut off in the content".to_owned(),
        Expect::ByEnvoy => "refused by Envoy".to_owned(),
        Expect::EnvoyOr(_) => "refused, or passes in normal form".to_owned(),
        Expect::Allowed(_) => "passes".to_owned(),
    }
}

const fn fate(run: &Run) -> &'static str {
    match run.fate {
        Fate::Envoy => "Envoy",
        Fate::Filter => "filter",
        Fate::Passed => "passes",
        Fate::CutOff => "cut off",
    }
}

/// What is wrong, case by case.
#[must_use]
pub fn problems(played: &[Played]) -> Vec<String> {
    let all = played.iter().flat_map(|Played { case, runs }| {
        runs.iter().filter_map(move |run| {
            let problem = run.problem.as_ref()?;
            Some(format!(
                "{}: {} ({} h{}): {}; {problem}",
                case.class.name, case.name, run.way, run.protocol, run.seen
            ))
        })
    });
    all.collect()
}
