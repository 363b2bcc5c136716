//! The entries and the signed states of a zone, side by side.

use std::path::Path;

use super::super::judge::{Judge, Seen};
use super::super::report::{Finding, FindingKind, Severity};
use super::files;
use super::states::{Milestone, OF_THE_EXPORT, States};
use super::trusting::Trusting;
use super::walk::Walk;
use crate::export::CHECKPOINT;
use crate::merkle::Frontier;
use crate::note::MAX_NOTE_BYTES;

/// The way of a zone, and what was found on it.
pub(super) struct March<'a> {
    pub(super) walk: Walk<'a>,
    pub(super) states: States<'a>,
    pub(super) trust: Trusting<'a>,
    /// The tree before the first entry, until it was compared.
    pub(super) before: Option<Frontier>,
    pub(super) findings: Vec<Finding>,
    /// Good notes of the export itself.
    pub(super) checkpoints: u64,
}

impl March<'_> {
    /// A kept checkpoint that is for no more entries than lie before the first: it can only be compared
    /// with what the frontier says.
    pub(super) fn behind(&mut self, kept: Option<&Seen>, first: u64) {
        while let Some(milestone) = self.states.up_to(first, &mut self.findings) {
            let is_it = self.before.as_ref().is_some_and(|before| {
                before.size() == milestone.size && before.root() == milestone.root
            });
            if is_it || kept.is_none() {
                continue;
            }
            let size = milestone.size;
            let finding = Finding::tampered(FindingKind::Root, self.walk.zone());
            self.findings.push(if size == first && self.before.is_some() {
                finding.says(
                    "the export goes on from another history than the given checkpoint",
                    format!("the frontier before the entries and the given checkpoint for {size} entries have different roots"),
                )
            } else {
                let severity = Severity::Notice;
                Finding { severity, ..finding }.says(
                    "the given checkpoint was not compared with anything",
                    format!("it is for {size} entries, and the export begins behind {first}"),
                )
            });
        }
    }

    /// Compares with every state up to here.
    pub(super) fn pass(&mut self) {
        let position = self.walk.position();
        while let Some(milestone) = self.states.up_to(position, &mut self.findings) {
            self.count(&milestone);
            let is_good = self.trust.weigh(&milestone);
            if let (Some(before), Some(after)) = (self.before.take(), &milestone.frontier) {
                self.findings
                    .extend(other_past(self.walk.zone(), &before, after));
            }
            self.walk.compare(&milestone, is_good);
        }
    }

    fn count(&mut self, milestone: &Milestone) {
        if milestone.source == OF_THE_EXPORT {
            self.checkpoints = self.checkpoints.saturating_add(1);
        }
    }

    /// What is promised and not there, and what is there and not promised.
    pub(super) fn end(&mut self, folder: &Path, zone: &str, judge: &Judge<'_>) {
        let present = self.walk.position();
        let mut newest: Option<Milestone> = None;
        while let Some(milestone) = self.states.up_to(u64::MAX, &mut self.findings) {
            self.count(&milestone);
            self.trust.weigh(&milestone);
            newest = Some(milestone);
        }
        if let Some(Milestone { size, source, .. }) = &newest {
            let finding = Finding::tampered(FindingKind::Missing, zone);
            let finding = finding.over(present, size.saturating_sub(1));
            self.findings.push(finding.says(
                "the end was cut off, or entries before it were taken out and what came behind them renumbered",
                format!("the {source} is for {size} entries, and those that are there end with {present}"),
            ));
        }
        if let Some((first, last)) = self.walk.unsettled() {
            let (kind, what) = if newest.is_some() {
                (
                    FindingKind::Root,
                    "these entries cannot be confirmed, because others are missing behind or among them",
                )
            } else {
                (
                    FindingKind::Unsigned,
                    "no signed checkpoint covers these entries, and an export ends where one does",
                )
            };
            let evidence = format!("the last checkpoint before them is for {first} entries");
            let finding = Finding::tampered(kind, zone).over(first, last);
            self.findings.push(finding.says(what, evidence));
        }
        self.findings.extend(self.newest_note(folder, zone, judge));
    }

    /// The file `checkpoint` is for tools of others; it must not tell them anything else.
    fn newest_note(&self, folder: &Path, zone: &str, judge: &Judge<'_>) -> Option<Finding> {
        let finding = Finding::tampered(FindingKind::Checkpoint, zone);
        let note = files::text(&folder.join(CHECKPOINT), MAX_NOTE_BYTES);
        let seen = note
            .map_err(|error| error.to_string())
            .and_then(|note| judge.open(zone, &note).map_err(|error| error.to_string()));
        let what = format!("the file {CHECKPOINT} is not the newest checkpoint of the export");
        match (seen, self.trust.newest) {
            (Err(evidence), _) => Some(finding.says(what, evidence)),
            (Ok(seen), Some(newest)) if (seen.size, seen.root) == newest => None,
            (Ok(seen), _) => {
                let evidence = format!(
                    "it is for {} entries, and stands in no line of the others",
                    seen.size
                );
                Some(finding.says(what, evidence))
            }
        }
    }
}

/// Peaks that two trees of one log share are the same.
fn other_past(zone: &str, before: &Frontier, after: &Frontier) -> Option<Finding> {
    if before.size() == 0 || before.agrees_with(after) {
        return None;
    }
    let finding = Finding::tampered(FindingKind::State, zone);
    Some(finding.says(
        "the frontier before the entries is not that of this log",
        format!(
            "the signed checkpoint for {} entries has other roots over the same entries",
            after.size()
        ),
    ))
}
