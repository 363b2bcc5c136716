//! One zone: its checkpoints, its entries, its account of itself.

pub(crate) mod checkpoints;
pub(crate) mod state;
mod witnesses;

use std::collections::VecDeque;

use rusqlite::{Connection, Error};

use super::VerifyError;
use super::emitters::{Emitters, Numbers};
use super::entry::{Entry, Places, Row};
use super::judge::{Judge, Seen};
use super::report::{Finding, FindingKind, Progress, Severity, ZoneReport};
use super::tree::{Milestone, Tree};
use super::walk::Walk;

/// Entries between two calls of the progress callback.
const PROGRESS_EVERY: u64 = 1024;

pub(super) fn verify(
    connection: &Connection,
    judge: &Judge<'_>,
    (emitters, numbers): (&Emitters, &mut Numbers),
    zone: String,
    kept: Option<Seen>,
    progress: &mut impl FnMut(Progress),
) -> Result<ZoneReport, VerifyError> {
    let mut findings = Vec::new();
    let account = state::read(connection, &zone, &mut findings)?;
    let verifier = &judge.verifier;
    let mut milestones =
        checkpoints::read(connection, verifier, &zone, account.as_ref(), &mut findings)?;
    let stored = milestones.len();
    let unwitnessed = witnesses::weigh(
        connection,
        judge,
        &zone,
        kept,
        &mut milestones,
        &mut findings,
    )?;
    let good = if judge.policy.is_some() {
        milestones.iter().filter(|one| one.signed).count()
    } else {
        stored
    };
    let total = account.as_ref().map_or(0, |account| account.size);
    let signed = milestones.last().map_or(0, |milestone| milestone.size);
    let mut reading = Reading {
        emitters,
        numbers,
        walk: Walk::new(Tree::new(&zone), milestones, findings),
        rows: 0,
        total,
    };
    reading.entries(connection, progress);
    let Reading { walk, rows, .. } = reading;
    let Walk {
        mut tree,
        ahead,
        mut findings,
    } = walk;
    findings.extend(truncation(&tree, &ahead, total));
    if let Some(account) = &account {
        account.compare(&mut tree, &mut findings);
    }
    tree.finish(&mut findings);
    findings.extend(unsigned_tail(&zone, &tree, signed));
    findings.extend(unwitnessed);
    let report = ZoneReport {
        entries: rows,
        checkpoints: u64::try_from(good).unwrap_or(u64::MAX),
        signed: tree.confirmed(),
        root: tree.root().to_string(),
        findings,
        zone: zone.clone(),
    };
    progress(Progress {
        zone,
        checked: rows,
        total,
    });
    Ok(report)
}

/// The entries on their way from the file into the tree.
struct Reading<'a> {
    emitters: &'a Emitters,
    /// Those of the emitters that were seen, of all zones.
    numbers: &'a mut Numbers,
    walk: Walk,
    rows: u64,
    total: u64,
}

impl Reading<'_> {
    /// Takes the walk to the end of what is there.
    fn entries(&mut self, connection: &Connection, progress: &mut impl FnMut(Progress)) {
        let read = self.read(connection, progress);
        let Self { walk, total, .. } = self;
        let position = walk.tree.position();
        if let Err(error) = read {
            let finding = Finding::tampered(FindingKind::Unreadable, walk.tree.zone())
                .over(position, position.max(*total))
                .says("the entries from here on cannot be read", error.to_string());
            walk.findings.push(finding);
        }
        walk.pass(position);
    }

    fn read(
        &mut self,
        connection: &Connection,
        progress: &mut impl FnMut(Progress),
    ) -> Result<(), Error> {
        let zone = self.walk.tree.zone().to_owned();
        let mut statement =
            connection.prepare("SELECT * FROM log_entries WHERE zone = ?1 ORDER BY idx")?;
        let places = Places::of(&statement);
        let mut rows = statement.query([&zone])?;
        while let Some(row) = rows.next()? {
            let row = Row::new(row, &places);
            self.numbers.note(row, self.emitters);
            let expected = self.walk.tree.position();
            let entry = Entry::judge(&row.stored(self.emitters), &zone, expected);
            self.walk.entry(entry);
            self.rows = self.rows.saturating_add(1);
            if self.rows.is_multiple_of(PROGRESS_EVERY) {
                progress(Progress {
                    zone: zone.clone(),
                    checked: self.rows,
                    total: self.total,
                });
            }
        }
        Ok(())
    }
}

/// Entries that were signed, or counted, and are not there; and those before them that hence nobody can
/// confirm.
fn truncation(tree: &Tree, ahead: &VecDeque<Milestone>, counted: u64) -> Vec<Finding> {
    let present = tree.position();
    let newest = ahead.back();
    let promised = newest.map_or(0, |milestone| milestone.size).max(counted);
    if promised <= present {
        return Vec::new();
    }
    let evidence = match newest {
        Some(Milestone { size, source, .. }) => {
            format!("the {source} is for {size} entries, and {present} are there")
        }
        None => format!("the log's own count is {counted} entries, and {present} are there"),
    };
    let finding = Finding::tampered(FindingKind::Missing, tree.zone());
    let finding = finding.over(present, promised.saturating_sub(1));
    let (Some(next), Some((first, last))) = (ahead.front(), tree.unsettled()) else {
        return vec![finding.says("the end of the log was cut off", evidence)];
    };
    let Milestone { size, source, .. } = next;
    let unconfirmed = Finding::tampered(FindingKind::Root, tree.zone()).over(first, last);
    vec![
        finding.says(
            "the end of the log was cut off, or entries before it, and what came behind them renumbered",
            evidence,
        ),
        unconfirmed.says(
            "these entries cannot be confirmed, because others are missing behind or among them",
            format!("the {source} for {size} entries is about a tree that cannot be rebuilt"),
        ),
    ]
}

/// Entries after the last good checkpoint.
fn unsigned_tail(zone: &str, tree: &Tree, signed: u64) -> Option<Finding> {
    let last = tree
        .position()
        .checked_sub(1)
        .filter(|last| *last >= signed)?;
    let finding = Finding::new(Severity::Notice, FindingKind::Unsigned, zone).over(signed, last);
    Some(finding.says(
        "no signed checkpoint covers these entries",
        "normal for the last second of a running ledger, and for nothing older",
    ))
}
