//! Who has seen the checkpoints of one zone.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, Error, OptionalExtension as _};

use super::super::database::{count, text};
use super::super::judge::{Judge, Seen};
use super::super::report::{Finding, FindingKind, Severity};
use super::super::tree::Milestone;
use crate::merkle::Hash;
use crate::witness::Witnessed;

/// Reads the cosigned checkpoints, puts them and the one that was kept elsewhere beside those that
/// are stored, and says which are good: without a policy all, with one those that have its quorum.
/// Returns what is to be said of the last entries.
pub(super) fn weigh(
    connection: &Connection,
    judge: &Judge<'_>,
    zone: &str,
    kept: Option<Seen>,
    milestones: &mut Vec<Milestone>,
    findings: &mut Vec<Finding>,
) -> Result<Option<Finding>, Error> {
    let known = milestones.iter().map(|one| (one.size, one.root)).collect();
    let mut scale = Scale {
        best: BTreeMap::new(),
        known,
        milestones,
    };
    let mut settled = BTreeSet::new();
    for (size, note) in notes(connection, zone)? {
        match open(note.as_deref(), judge, zone, size) {
            Ok(seen) => {
                settled.insert(size);
                scale.put(seen, "cosigned checkpoint");
            }
            Err(evidence) => findings.push(Finding::tampered(FindingKind::Checkpoint, zone).says(
                format!("the cosigned checkpoint for {size} entries is forged or damaged"),
                evidence,
            )),
        }
    }
    if let Some(kept) = kept {
        scale.put(kept, "given checkpoint");
    }
    let Scale {
        best, milestones, ..
    } = scale;
    // Stable: at one size, what is stored comes first.
    milestones.sort_by_key(|milestone| milestone.size);
    let Some(policy) = judge.policy else {
        return Ok(None);
    };
    if !policy.allows_zone(&judge.verifier, zone) {
        for milestone in milestones.iter_mut() {
            milestone.signed = false;
        }
        findings.push(unlisted(zone));
        return Ok(None);
    }
    for milestone in milestones.iter_mut() {
        let by = best.get(&(milestone.size, milestone.root));
        milestone.signed = by.map_or_else(|| policy.is_quorum([]), |by| by.is_quorum);
    }
    Ok(tail(zone, milestones, &settled, |milestone| {
        let by = best.get(&(milestone.size, milestone.root));
        by.map_or_else(
            || {
                let all = policy.witnesses().iter();
                all.map(|witness| witness.name.clone()).collect()
            },
            |by| by.missing.clone(),
        )
    }))
}

/// What is known of each tree.
struct Scale<'a> {
    best: BTreeMap<(u64, Hash), Witnessed>,
    /// The milestones that there are: one a second, so none is looked for among all of them.
    known: BTreeSet<(u64, Hash)>,
    milestones: &'a mut Vec<Milestone>,
}

impl Scale<'_> {
    fn put(&mut self, seen: Seen, source: &'static str) {
        let Seen {
            size,
            root,
            witnessed,
        } = seen;
        if self.known.insert((size, root)) {
            self.milestones.push(Milestone {
                size,
                root,
                frontier: None,
                source,
                signed: true,
            });
        }
        let Some(by) = witnessed else {
            return;
        };
        let rank = |by: &Witnessed| (by.is_quorum, by.cosigned.len());
        let before = self.best.get(&(size, root)).map(rank);
        if before < Some(rank(&by)) {
            self.best.insert((size, root), by);
        }
    }
}

/// The cosigned checkpoints by size; none in a file from before there were witnesses.
fn notes(connection: &Connection, zone: &str) -> Result<Vec<(u64, Option<String>)>, Error> {
    let table = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'witnessed'";
    if connection
        .query_row(table, [], |_| Ok(()))
        .optional()?
        .is_none()
    {
        return Ok(Vec::new());
    }
    let mut statement =
        connection.prepare("SELECT * FROM witnessed WHERE zone = ?1 ORDER BY size, quorum")?;
    let notes = statement.query_map([zone], |row| {
        Ok((count(row, "size").unwrap_or(0), text(row, "note")))
    })?;
    notes.collect()
}

fn open(note: Option<&str>, judge: &Judge<'_>, zone: &str, size: u64) -> Result<Seen, String> {
    let note = note.ok_or("the note is not text")?;
    let seen = judge.open(zone, note).map_err(|error| error.to_string())?;
    if seen.size == size {
        Ok(seen)
    } else {
        let of = seen.size;
        Err(format!(
            "it is stored for {size} entries, but signed for {of}"
        ))
    }
}

fn unlisted(zone: &str) -> Finding {
    let finding = Finding::new(Severity::Unwitnessed, FindingKind::Policy, zone);
    finding.says(
        "the policy does not trust this log",
        "it lists logs, and neither the key of this zone nor that of its ledger",
    )
}

/// Entries that the log signed after the last good checkpoint.
fn tail(
    zone: &str,
    milestones: &[Milestone],
    settled: &BTreeSet<u64>,
    missing: impl Fn(&Milestone) -> Vec<String>,
) -> Option<Finding> {
    let good = milestones.iter().rposition(|milestone| milestone.signed);
    let after = good.map_or(0, |good| good.saturating_add(1));
    let open = milestones.get(after..)?;
    let newest = open.last()?;
    let from = good
        .and_then(|good| milestones.get(good))
        .map_or(0, |good| good.size);
    // The publisher signs one, and no other before that one is settled.
    let is_pending = good.is_some() && open.len() == 1 && !settled.contains(&newest.size);
    let severity = if is_pending {
        Severity::Notice
    } else {
        Severity::Unwitnessed
    };
    let what = if is_pending {
        "these entries are signed, and the witnesses have not answered yet"
    } else {
        "these entries are signed by the log alone: no quorum of witnesses has seen them"
    };
    let evidence = format!(
        "the {} for {} entries has no cosignature of {}",
        newest.source,
        newest.size,
        missing(newest).join(", ")
    );
    let finding = Finding::new(severity, FindingKind::Unwitnessed, zone).says(what, evidence);
    Some(match newest.size.checked_sub(1) {
        Some(last) if last >= from => finding.over(from, last),
        _ => finding,
    })
}
