//! The table of `docs/ext-authz.md`.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::Compared;
use super::exception::ALL;
use crate::hostile::renewed_by;
use crate::stack::parts::repository;

/// What a class comes to.
#[derive(Debug, Clone, Copy, Default)]
struct Row {
    cases: usize,
    runs: usize,
    passed: usize,
    refused: usize,
    differ: usize,
}

impl Row {
    fn add(&mut self, compared: &Compared) {
        self.cases += 1;
        for run in &compared.runs {
            self.runs += 1;
            match (&run.differs, run.passed) {
                (Some(_), _) => self.differ += 1,
                (None, [true, _]) => self.passed += 1,
                (None, [false, _]) => self.refused += 1,
            }
        }
    }

    fn write(&self, name: &str, out: &mut String) {
        let Self {
            cases,
            runs,
            passed,
            refused,
            differ,
        } = self;
        let _ = writeln!(
            out,
            "| {name} | {cases} | {runs} | {passed} | {refused} | {differ} |"
        );
    }
}

/// One line for each class, and one for each exception.
#[must_use]
pub fn table(all: &[Compared]) -> String {
    let mut out = String::from(
        "| Class | Cases | Sent through each | Passed, both the same | Refused, both the same | Differ as listed |\n|---|--:|--:|--:|--:|--:|\n",
    );
    let mut classes: Vec<(&str, Row)> = Vec::new();
    let mut total = Row::default();
    for compared in all {
        let class = compared.case.class;
        total.add(compared);
        if let Some((_, row)) = classes.iter_mut().find(|(name, _)| *name == class) {
            row.add(compared);
        } else {
            let mut row = Row::default();
            row.add(compared);
            classes.push((class, row));
        }
    }
    for (name, row) in &classes {
        row.write(name, &mut out);
    }
    total.write("all", &mut out);
    out.push_str("\n| Differs | Case | Why |\n|---|---|---|\n");
    for exception in ALL {
        let name = exception.name.unwrap_or("all of them");
        let _ = writeln!(out, "| {} | {name} | {} |", exception.class, exception.why);
    }
    out
}

/// The document and its text with the table renewed, if it has a place for it.
pub fn document(all: &[Compared]) -> std::io::Result<(PathBuf, String, Option<String>)> {
    let path = repository().join("docs/ext-authz.md");
    let document = std::fs::read_to_string(&path)?;
    let renewed = renewed_by("parity", &document, &table(all));
    Ok((path, document, renewed))
}
