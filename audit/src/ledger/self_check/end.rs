//! The end of one log: what was appended since the last look, and whether it ever became shorter.

use super::super::state::StateRow;
use super::reader::{Fault, Reader};
use super::stretch::Stretch;
use crate::merkle::Frontier;
use crate::note::CheckpointVerifier;
use crate::verify::tree::{Milestone, Tree};
use crate::verify::zone::state::Account;
use crate::verify::{Finding, FindingKind};

/// What this process has seen of one log.
pub(super) struct End {
    zone: String,
    stretch: Stretch,
    /// Largest size that the log was seen with.
    size: u64,
    /// Largest size that was signed.
    checkpoint_size: u64,
    /// Size of the newest tree of the sequencer's that was put before the walk.
    expected: u64,
    waiting: u64,
}

impl End {
    /// Begins at what the sequencer of this process has checked, or with the first entry.
    pub(super) async fn new(
        reader: &mut Reader,
        zone: &str,
        verifier: &CheckpointVerifier,
        known: Option<&Frontier>,
    ) -> Result<Self, Fault> {
        let known = known.cloned().unwrap_or_default();
        let size = known.size();
        let signed = reader.checkpoint_before(zone, size).await?;
        Ok(Self {
            zone: zone.to_owned(),
            stretch: Stretch::new(Tree::resume(zone, known), verifier, signed),
            size,
            checkpoint_size: signed,
            expected: size,
            waiting: 0,
        })
    }

    /// What was found since this was asked last.
    pub(super) fn findings(&mut self) -> Vec<Finding> {
        self.stretch.findings()
    }

    /// Entries that were appended and not read yet; none of a log that cannot be followed.
    pub(super) fn waiting(&self) -> u64 {
        self.waiting
    }

    /// Looks at what was appended, `most` entries of it, and returns how many were read. `known` is what
    /// the sequencer had committed before `state` was read.
    pub(super) async fn look(
        &mut self,
        reader: &mut Reader,
        known: Option<&Frontier>,
        state: Option<&StateRow>,
        most: u64,
    ) -> Result<u64, Fault> {
        self.waiting = 0;
        self.size = self.size.max(known.map_or(0, Frontier::size));
        let Some(state) = state else {
            self.note(self.gone());
            return Ok(0);
        };
        if state.size < self.size {
            self.note(Some(self.shorter(state)));
            return Ok(0);
        }
        if state.checkpoint_size < self.checkpoint_size {
            self.note(Some(self.signed_less(state)));
            return Ok(0);
        }
        self.size = state.size;
        self.checkpoint_size = state.checkpoint_size;
        if let Some(known) = known {
            self.expect(known);
        }
        let read = self
            .stretch
            .go(reader, state.size, state.checkpoint_size, most)
            .await?;
        self.waiting = state.size.saturating_sub(self.stretch.position());
        if self.waiting == 0 {
            let account = Account::new(
                state.size,
                state.checkpoint_size,
                &state.root,
                &state.frontier,
            );
            let walk = &mut self.stretch.walk;
            account.compare(&mut walk.tree, &mut walk.findings);
        }
        Ok(read)
    }

    /// Puts the sequencer's own tree before the walk, one at a time.
    fn expect(&mut self, known: &Frontier) {
        let position = self.stretch.position();
        if known.size() <= position || self.expected > position {
            return;
        }
        self.expected = known.size();
        self.stretch.expect(Milestone {
            size: known.size(),
            root: known.root(),
            frontier: Some(known.clone()),
            source: "tree that this process committed",
            signed: false,
        });
    }

    fn note(&mut self, finding: Option<Finding>) {
        self.stretch.walk.findings.extend(finding);
    }

    fn gone(&self) -> Option<Finding> {
        let last = self.size.checked_sub(1)?;
        let finding = Finding::tampered(FindingKind::State, &self.zone).over(0, last);
        Some(finding.says(
            "the log's own state is missing or not readable",
            format!("this process has seen the log with {} entries", self.size),
        ))
    }

    fn shorter(&self, state: &StateRow) -> Finding {
        let finding = Finding::tampered(FindingKind::Missing, &self.zone);
        finding.over(state.size, self.size.saturating_sub(1)).says(
            "the log is shorter than it was: the database was put back, or the end was cut off",
            format!(
                "this process has seen it with {} entries, and now it says that it has {}",
                self.size, state.size
            ),
        )
    }

    fn signed_less(&self, state: &StateRow) -> Finding {
        let (before, now) = (self.checkpoint_size, state.checkpoint_size);
        let finding = Finding::tampered(FindingKind::Checkpoint, &self.zone);
        finding.over(now, before.saturating_sub(1)).says(
            "the log says that less was signed than before: it was put back or changed",
            format!("this process has seen it signed at {before} entries, and now it says {now}"),
        )
    }
}
