//! The signed states of a zone's log, one after the other: those of the export, and one that was kept
//! elsewhere.

use std::path::Path;

use super::super::judge::{Judge, Seen};
use super::super::report::{Finding, FindingKind};
use super::files::Lines;
use crate::export::{CHECKPOINTS, MAX_LINE_BYTES, SignedState};
use crate::merkle::{Frontier, Hash};
use crate::witness::Witnessed;

/// Where a checkpoint comes from that stands in the export.
pub(super) const OF_THE_EXPORT: &str = "signed checkpoint";

/// A signed state.
#[derive(Debug, Clone)]
pub(super) struct Milestone {
    pub(super) size: u64,
    pub(super) root: Hash,
    /// Where the tree goes on from here; none beside a checkpoint that was kept elsewhere.
    pub(super) frontier: Option<Frontier>,
    /// Where it comes from, in words.
    pub(super) source: &'static str,
    /// Who cosigned it; `None` without a policy.
    pub(super) witnessed: Option<Witnessed>,
}

/// The states that are ahead, by size.
pub(super) struct States<'a> {
    zone: &'a str,
    judge: &'a Judge<'a>,
    lines: Option<Lines>,
    number: u64,
    /// Size of the last one that was read.
    read: u64,
    next: Option<Milestone>,
    kept: Option<Milestone>,
}

impl<'a> States<'a> {
    /// Opens the file of the zone's checkpoints. `first` is the index of the first entry.
    pub(super) fn open(
        folder: &Path,
        zone: &'a str,
        judge: &'a Judge<'a>,
        first: u64,
        kept: Option<Seen>,
        findings: &mut Vec<Finding>,
    ) -> Self {
        let lines = Lines::open(&folder.join(CHECKPOINTS), MAX_LINE_BYTES);
        let lines = lines.inspect_err(|error| {
            let finding = Finding::tampered(FindingKind::Checkpoint, zone);
            findings.push(finding.says(
                format!("the checkpoints cannot be read: {CHECKPOINTS}"),
                error.to_string(),
            ));
        });
        Self {
            zone,
            judge,
            lines: lines.ok(),
            number: 0,
            read: first,
            next: None,
            kept: kept.map(|seen| Milestone {
                size: seen.size,
                root: seen.root,
                frontier: None,
                source: "given checkpoint",
                witnessed: seen.witnessed,
            }),
        }
    }

    /// The next state that is for at most so many entries.
    pub(super) fn up_to(&mut self, size: u64, findings: &mut Vec<Finding>) -> Option<Milestone> {
        if self.next.is_none() {
            self.next = self.read(findings);
        }
        let of =
            |milestone: &Option<Milestone>| milestone.as_ref().map_or(u64::MAX, |one| one.size);
        // At one size, what stands in the export comes first: it brings a frontier.
        let source = if of(&self.next) <= of(&self.kept) {
            &mut self.next
        } else {
            &mut self.kept
        };
        source.take_if(|milestone| milestone.size <= size)
    }

    /// The next good line.
    fn read(&mut self, findings: &mut Vec<Finding>) -> Option<Milestone> {
        loop {
            let line = match self.lines.as_mut()?.next() {
                Ok(Some(line)) => line,
                Ok(None) => return None,
                Err(error) => {
                    let finding = Finding::tampered(FindingKind::Checkpoint, self.zone);
                    let what = "the checkpoints from here on cannot be read";
                    findings.push(finding.says(what, error.to_string()));
                    self.lines = None;
                    return None;
                }
            };
            self.number = self.number.saturating_add(1);
            let state: Option<SignedState> = serde_json::from_slice(line.bytes).ok();
            let Some(state) = state.filter(|_| line.is_whole) else {
                let finding = Finding::tampered(FindingKind::Checkpoint, self.zone);
                findings.push(finding.says(
                    format!("line {} of {CHECKPOINTS} is not readable", self.number),
                    format!("it follows the checkpoint for {} entries", self.read),
                ));
                continue;
            };
            if let Some(milestone) = self.weigh(&state, findings) {
                return Some(milestone);
            }
        }
    }

    fn weigh(&mut self, state: &SignedState, findings: &mut Vec<Finding>) -> Option<Milestone> {
        let size = state.size;
        let over = over(self.zone, self.read, size);
        if size <= self.read {
            findings.push(over.says(
                format!("a checkpoint for {size} entries is not in its place"),
                format!("it stands behind the one for {} entries", self.read),
            ));
            return None;
        }
        self.read = size;
        let seen = self.judge.open(self.zone, &state.note);
        let seen = seen.map_err(|error| error.to_string()).and_then(|seen| {
            let of = seen.size;
            let wrong = || format!("it stands for {size} entries, but is signed for {of}");
            (of == size).then_some(seen).ok_or_else(wrong)
        });
        let seen = match seen {
            Ok(seen) => seen,
            Err(evidence) => {
                findings.push(over.says(
                    format!(
                        "the checkpoint for {size} entries is forged, damaged or of another log"
                    ),
                    format!("{evidence}{}", self.other_zone(&state.note)),
                ));
                return None;
            }
        };
        let frontier = state.frontier();
        let frontier = frontier.filter(|frontier| frontier.root() == seen.root);
        if frontier.is_none() {
            findings.push(over.says(
                format!("the frontier beside the checkpoint for {size} entries was changed"),
                "it does not lead to the signed root",
            ));
        }
        Some(Milestone {
            size,
            root: seen.root,
            frontier,
            source: OF_THE_EXPORT,
            witnessed: seen.witnessed,
        })
    }

    /// Whose log a note is about, where it is another one of this ledger.
    fn other_zone(&self, note: &str) -> String {
        let origin = note.lines().next().unwrap_or_default();
        match self.judge.verifier.zone_of(origin) {
            Some(other) if other != self.zone => format!("; it names the log of zone {other:?}"),
            _ => String::new(),
        }
    }
}

/// The entries that a checkpoint would have vouched for, if there are any.
fn over(zone: &str, before: u64, size: u64) -> Finding {
    let finding = Finding::tampered(FindingKind::Checkpoint, zone);
    match size.checked_sub(1) {
        Some(last) if last >= before => finding.over(before, last),
        _ => finding,
    }
}
