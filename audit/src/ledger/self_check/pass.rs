//! A whole pass: every log from its first entry to the checkpoint that is its newest when the pass comes
//! to it.

use std::collections::{HashMap, VecDeque};

use super::super::state::StateRow;
use super::reader::{Bounds, Fault, Reader};
use super::stretch::Stretch;
use crate::note::CheckpointVerifier;
use crate::verify::tree::{Milestone, Tree};
use crate::verify::{Finding, FindingKind};

/// Where the pass is, and what the ones before it saw.
#[derive(Default)]
pub(super) struct Pass {
    zones: VecDeque<String>,
    current: Option<Current>,
    /// Trees without a finding. Whoever has the signing key could sign another history; this process
    /// has seen the first.
    verified: HashMap<String, Milestone>,
}

/// The zone at hand.
struct Current {
    zone: String,
    stretch: Stretch,
    end: u64,
    clean: bool,
}

impl Pass {
    /// Whether there is none.
    pub(super) fn is_over(&self) -> bool {
        self.current.is_none() && self.zones.is_empty()
    }

    pub(super) fn begin(&mut self, zones: impl Iterator<Item = String>) {
        self.zones = zones.collect();
    }

    /// The zone at hand, and how much of it is done.
    pub(super) fn position(&self) -> Option<(&str, u64)> {
        let current = self.current.as_ref()?;
        Some((&current.zone, current.stretch.position()))
    }

    /// Goes on by `most` entries at most; returns how many it read, and puts down what it found. It may be
    /// broken off at any point, and goes on from there.
    pub(super) async fn go(
        &mut self,
        reader: &mut Reader,
        verifier: &CheckpointVerifier,
        most: u64,
        findings: &mut Vec<Finding>,
    ) -> Result<u64, Fault> {
        let gone = match self.step(reader, verifier, most, findings).await {
            // On to the next zone; its own end says what it can say.
            Err(Fault::Damaged(text)) => {
                let here = self.current.take().map(|current| current.zone);
                let zone = here.or_else(|| self.zones.pop_front()).unwrap_or_default();
                findings.push(unreadable(&zone, text));
                Ok(0)
            }
            other => other,
        };
        if let Some(current) = self.current.take_if(|current| current.is_over()) {
            let (zone, seen, found) = current.finish();
            findings.extend(found);
            self.verified.extend(seen.map(|seen| (zone, seen)));
        }
        gone
    }

    async fn step(
        &mut self,
        reader: &mut Reader,
        verifier: &CheckpointVerifier,
        most: u64,
        findings: &mut Vec<Finding>,
    ) -> Result<u64, Fault> {
        if self.current.is_none()
            && let Some(zone) = self.zones.front()
        {
            self.current = self.enter(reader, zone, verifier).await?;
            self.zones.pop_front();
        }
        let Some(current) = &mut self.current else {
            return Ok(0);
        };
        let end = current.end;
        let read = current.stretch.go(reader, end, end, most).await;
        let found = current.stretch.findings();
        current.clean &= found.is_empty();
        findings.extend(found);
        read
    }

    /// The log of a zone from its first entry; nothing where nothing says how long it is, which the look
    /// at its end reports.
    async fn enter(
        &self,
        reader: &mut Reader,
        zone: &str,
        verifier: &CheckpointVerifier,
    ) -> Result<Option<Current>, Fault> {
        // Before the state: both only grow, and so the state covers what is there.
        let bounds = reader.bounds(zone).await?;
        let Some(state) = reader.state(zone).await? else {
            return Ok(None);
        };
        let mut stretch = Stretch::new(Tree::new(zone), verifier, 0);
        stretch.walk.findings.extend(outside(zone, &bounds, &state));
        if let Some(seen) = self.verified.get(zone) {
            stretch.expect(seen.clone());
        }
        Ok(Some(Current {
            zone: zone.to_owned(),
            stretch,
            end: state.checkpoint_size,
            clean: true,
        }))
    }
}

impl Current {
    fn is_over(&self) -> bool {
        self.stretch.position() >= self.end
    }

    /// What was verified, if nothing was wrong, and what is still to be said.
    fn finish(mut self) -> (String, Option<Milestone>, Vec<Finding>) {
        let walk = &mut self.stretch.walk;
        walk.tree.finish(&mut walk.findings);
        let found = self.stretch.findings();
        let seen = Milestone {
            size: self.end,
            root: self.stretch.walk.tree.root(),
            frontier: None,
            source: "tree that this process verified before",
            signed: false,
        };
        let clean = self.clean && found.is_empty();
        (self.zone, clean.then_some(seen), found)
    }
}

/// Tables of the ledger that are not as they were made.
pub(super) fn unreadable(zone: &str, evidence: String) -> Finding {
    let finding = Finding::tampered(FindingKind::Unreadable, zone);
    finding.says("the ledger's tables cannot be read", evidence)
}

/// What no walk from the first entry to the newest checkpoint would meet.
fn outside(zone: &str, bounds: &Bounds, state: &StateRow) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(first) = bounds.first.filter(|first| *first < 0) {
        let finding = Finding::tampered(FindingKind::Index, zone);
        findings.push(finding.says(
            "an entry has an index that is none",
            format!("the first index in the table is {first}"),
        ));
    }
    let size = |size: i64| u64::try_from(size).unwrap_or(0);
    if let Some(last) = bounds.last.map(size).filter(|last| *last >= state.size) {
        let finding = Finding::tampered(FindingKind::State, zone).over(state.size, last);
        findings.push(finding.says(
            "there are entries that the log does not count",
            format!(
                "it counts {} entries, and the last index is {last}",
                state.size
            ),
        ));
    }
    let newest = bounds.checkpoint.map_or(0, size);
    if newest > state.checkpoint_size {
        let recorded = state.checkpoint_size;
        findings.extend(crate::verify::zone::checkpoints::newest(
            zone, recorded, newest,
        ));
    }
    findings
}
