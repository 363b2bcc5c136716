//! One zone: its checkpoints, its entries, its account of itself.

mod checkpoints;
mod state;
mod witnesses;

use rusqlite::{Connection, Error};

use super::VerifyError;
use super::emitters::{Emitters, Numbers};
use super::entry::{Entry, Places, Row};
use super::judge::{Judge, Seen};
use super::report::{Finding, FindingKind, Progress, Severity, ZoneReport};
use super::tree::{Milestone, Tree};

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
    let mut walk = Walk {
        emitters,
        numbers,
        tree: Tree::new(&zone),
        milestones: &milestones,
        findings,
        rows: 0,
    };
    walk.entries(connection, total, progress);
    let Walk {
        mut tree,
        milestones: open,
        mut findings,
        rows,
        ..
    } = walk;
    findings.extend(truncation(&tree, open, total));
    if let Some(account) = &account {
        account.compare(&mut tree, &mut findings);
    }
    tree.finish(&mut findings);
    findings.extend(unsigned_tail(&zone, &tree, &milestones));
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

/// The way through the entries, past the milestones.
struct Walk<'a> {
    emitters: &'a Emitters,
    /// Those of the emitters that were seen, of all zones.
    numbers: &'a mut Numbers,
    tree: Tree<'a>,
    /// Those that are still ahead, by size.
    milestones: &'a [Milestone],
    findings: Vec<Finding>,
    rows: u64,
}

impl Walk<'_> {
    fn entries(
        &mut self,
        connection: &Connection,
        total: u64,
        progress: &mut impl FnMut(Progress),
    ) {
        if let Err(error) = self.read(connection, total, progress) {
            let position = self.tree.position();
            let finding = Finding::tampered(FindingKind::Unreadable, self.tree.zone())
                .over(position, total.max(position))
                .says("the entries from here on cannot be read", error.to_string());
            self.findings.push(finding);
        }
        self.pass(self.tree.position());
    }

    fn read(
        &mut self,
        connection: &Connection,
        total: u64,
        progress: &mut impl FnMut(Progress),
    ) -> Result<(), Error> {
        let zone = self.tree.zone();
        let mut statement =
            connection.prepare("SELECT * FROM log_entries WHERE zone = ?1 ORDER BY idx")?;
        let places = Places::of(&statement);
        let mut rows = statement.query([zone])?;
        while let Some(row) = rows.next()? {
            let row = Row::new(row, &places);
            self.numbers.note(row, self.emitters);
            let expected = self.tree.position();
            self.entry(Entry::read(row, zone, self.emitters, expected));
            self.rows = self.rows.saturating_add(1);
            if self.rows.is_multiple_of(PROGRESS_EVERY) {
                progress(Progress {
                    zone: zone.to_owned(),
                    checked: self.rows,
                    total,
                });
            }
        }
        Ok(())
    }

    fn entry(&mut self, entry: Entry) {
        let zone = self.tree.zone();
        let expected = self.tree.position();
        let Some(index) = entry.index.filter(|index| *index >= expected) else {
            let finding = entry.finding(FindingKind::Index, zone);
            self.findings.push(finding.says(
                "an entry has an index that is taken or is none",
                format!("the next index after the entries before it is {expected}"),
            ));
            return;
        };
        if index > expected {
            let finding = Finding::tampered(FindingKind::Missing, zone);
            self.findings
                .push(finding.over(expected, index.saturating_sub(1)).says(
                    "entries are missing",
                    format!("the entry with index {index} follows directly after them"),
                ));
            self.pass(index);
            self.tree.jump(index);
        }
        self.pass(index);
        if entry.agrees() {
            self.findings.extend(entry.findings(zone));
        }
        self.tree.append(entry);
    }

    /// Compares with every milestone up to `size`.
    fn pass(&mut self, size: u64) {
        while let Some((milestone, ahead)) = self.milestones.split_first() {
            if milestone.size > size {
                break;
            }
            self.tree.jump(milestone.size);
            self.tree.compare(milestone, &mut self.findings);
            self.milestones = ahead;
        }
    }
}

/// Entries that were signed, or counted, and are not there; and those before them that hence nobody can
/// confirm.
fn truncation(tree: &Tree<'_>, ahead: &[Milestone], counted: u64) -> Vec<Finding> {
    let present = tree.position();
    let newest = ahead.last();
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
    let (Some(next), Some((first, last))) = (ahead.first(), tree.unsettled()) else {
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
fn unsigned_tail(zone: &str, tree: &Tree<'_>, milestones: &[Milestone]) -> Option<Finding> {
    let signed = milestones.last().map_or(0, |milestone| milestone.size);
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
