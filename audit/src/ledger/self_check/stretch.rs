//! The way through one log, a slice at a time, from wherever it was left.

use super::reader::{Fault, Reader};
use crate::note::CheckpointVerifier;
use crate::verify::tree::{Milestone, Tree};
use crate::verify::walk::Walk;
use crate::verify::zone::checkpoints;
use crate::verify::{Finding, FindingKind};

/// Checkpoints that are read at once, and so the signatures of a slice: one costs as much as some ten
/// entries.
const CHECKPOINTS: u32 = 32;

/// A walk that reads for itself.
pub(super) struct Stretch {
    pub(super) walk: Walk,
    verifier: CheckpointVerifier,
    /// Size of the newest checkpoint that was read.
    checkpoint: u64,
}

impl Stretch {
    /// From a tree that is known to be right, behind the checkpoint for `checkpoint` entries.
    pub(super) fn new(tree: Tree, verifier: &CheckpointVerifier, checkpoint: u64) -> Self {
        let verifier = verifier.for_zone(tree.zone());
        Self {
            walk: Walk::new(tree, [], Vec::new()),
            verifier,
            checkpoint,
        }
    }

    /// Index of the next entry.
    pub(super) fn position(&self) -> u64 {
        self.walk.tree.position()
    }

    /// Puts a milestone before the walk.
    pub(super) fn expect(&mut self, milestone: Milestone) {
        let ahead = &mut self.walk.ahead;
        let at = ahead.partition_point(|other| other.size <= milestone.size);
        ahead.insert(at, milestone);
    }

    /// What was found since this was asked last.
    pub(super) fn findings(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.walk.findings)
    }

    /// Goes on towards `end`, past the checkpoints up to `signed`, by `most` entries at most, and
    /// returns how many it read. The log has been seen with so many entries, and signed so far: what is
    /// not there is missing.
    pub(super) async fn go(
        &mut self,
        reader: &mut Reader,
        end: u64,
        signed: u64,
        most: u64,
    ) -> Result<u64, Fault> {
        let zone = self.walk.tree.zone().to_owned();
        if self.position() >= self.checkpoint && self.checkpoint < signed {
            self.read_checkpoints(reader, &zone, signed).await?;
        }
        // Not past checkpoints that are still to be read.
        let horizon = if self.checkpoint < signed {
            end.min(self.checkpoint)
        } else {
            end
        };
        let first = self.position();
        let slice = horizon.min(first.saturating_add(most));
        let mut read = 0;
        if first < slice {
            let walk = &mut self.walk;
            let entries = reader.entries(&zone, first, slice, |entry| walk.entry(entry));
            match entries.await {
                Ok(entries) => {
                    read = entries;
                    if self.position() < slice {
                        self.pass_hole(reader, &zone, horizon).await?;
                    }
                }
                Err(Fault::Damaged(text)) => self.pass_unreadable(text),
                Err(away) => return Err(away),
            }
        }
        self.walk.pass(self.position());
        Ok(read)
    }

    async fn read_checkpoints(
        &mut self,
        reader: &mut Reader,
        zone: &str,
        signed: u64,
    ) -> Result<(), Fault> {
        let after = self.checkpoint;
        let rows = reader.checkpoints(zone, after, signed, CHECKPOINTS).await?;
        let last_of_them = u32::try_from(rows.len()) != Ok(CHECKPOINTS);
        for row in rows {
            let findings = &mut self.walk.findings;
            let judged = checkpoints::judge(&row, &self.verifier, zone, self.checkpoint, findings);
            self.checkpoint = row.size;
            if let Some(milestone) = judged {
                self.expect(milestone);
            }
        }
        if last_of_them {
            let missing = checkpoints::newest(zone, signed, self.checkpoint);
            self.walk.findings.extend(missing);
            self.checkpoint = signed;
        }
        Ok(())
    }

    /// Entries from here on are not there: goes on with the first that is.
    async fn pass_hole(
        &mut self,
        reader: &mut Reader,
        zone: &str,
        horizon: u64,
    ) -> Result<(), Fault> {
        let next = reader.next(zone, self.position()).await?;
        let end = next.unwrap_or(horizon).min(horizon);
        // Nothing, where what was not there a moment ago is there now: the next step reads it.
        if end > self.position() {
            let evidence = format!("the log has been seen with {horizon} entries or more");
            self.walk.hole(end, evidence);
        }
        Ok(())
    }

    fn pass_unreadable(&mut self, evidence: String) {
        let index = self.position();
        let finding = Finding::tampered(FindingKind::Unreadable, self.walk.tree.zone()).at(index);
        let finding = finding.says("the entry, or its emitter, cannot be read", evidence);
        self.walk.findings.push(finding);
        self.walk.pass(index);
        self.walk.tree.jump(index.saturating_add(1));
    }
}
