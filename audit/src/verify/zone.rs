//! One zone: its checkpoints, its entries, its account of itself.

pub(crate) mod checkpoints;
pub(crate) mod state;
mod witnesses;

use std::collections::VecDeque;

use sqlx::sqlite::SqliteConnection;
use tokio_stream::StreamExt as _;

use super::VerifyError;
use super::emitters::Emitters;
use super::entry::Entry;
use super::judge::{Judge, Seen};
use super::report::{Finding, FindingKind, Progress, Severity, ZoneReport};
use super::tree::{Milestone, Tree};
use super::walk::Walk;

/// Entries between two calls of the progress callback.
const PROGRESS_EVERY: u64 = 1024;

pub(super) async fn verify(
    connection: &mut SqliteConnection,
    judge: &Judge<'_>,
    emitters: &Emitters,
    zone: String,
    kept: Option<Seen>,
    progress: &mut impl FnMut(Progress),
) -> Result<ZoneReport, VerifyError> {
    let mut findings = Vec::new();
    let account = state::read(connection, &zone, &mut findings).await?;
    let verifier = &judge.verifier;
    let mut milestones =
        checkpoints::read(connection, verifier, &zone, account.as_ref(), &mut findings).await?;
    let stored = milestones.len();
    let unwitnessed = witnesses::weigh(
        connection,
        judge,
        &zone,
        kept,
        &mut milestones,
        &mut findings,
    )
    .await?;
    let good = if judge.policy.is_some() {
        milestones.iter().filter(|one| one.signed).count()
    } else {
        stored
    };
    let total = account.as_ref().map_or(0, |account| account.size);
    let signed = milestones.last().map_or(0, |milestone| milestone.size);
    let mut walk = Walk::new(Tree::new(&zone), milestones, findings);
    let rows = entries(connection, emitters, &mut walk, total, progress).await;
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

/// Takes the walk to the end of what is there, and returns the number of rows.
async fn entries(
    connection: &mut SqliteConnection,
    emitters: &Emitters,
    walk: &mut Walk,
    total: u64,
    progress: &mut impl FnMut(Progress),
) -> u64 {
    let zone = walk.tree.zone().to_owned();
    let mut checked: u64 = 0;
    let mut rows = sqlx::query("SELECT * FROM log_entries WHERE zone = $1 ORDER BY idx")
        .bind(&zone)
        .fetch(connection);
    while let Some(row) = rows.next().await {
        match row {
            Ok(row) => walk.entry(Entry::read(&row, &zone, emitters)),
            Err(error) => {
                let position = walk.tree.position();
                let finding = Finding::tampered(FindingKind::Unreadable, &zone)
                    .over(position, total.max(position))
                    .says("the entries from here on cannot be read", error.to_string());
                walk.findings.push(finding);
                break;
            }
        }
        checked = checked.saturating_add(1);
        if checked.is_multiple_of(PROGRESS_EVERY) {
            progress(Progress {
                zone: zone.clone(),
                checked,
                total,
            });
        }
    }
    walk.pass(walk.tree.position());
    checked
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
