//! The tree of one zone, followed twice: over the bodies and over the stored leaf hashes.

use std::sync::Arc;

use super::entry::Entry;
use super::report::{Finding, FindingKind};
use crate::merkle::{Frontier, Hash};

/// A signed state of the log.
#[derive(Debug, Clone)]
pub(crate) struct Milestone {
    pub(crate) size: u64,
    pub(crate) root: Hash,
    /// The frontier that is stored beside the note, if it hashes to the signed root, and hence is
    /// as good as signed.
    pub(crate) frontier: Option<Frontier>,
    /// Where the checkpoint comes from, in words.
    pub(crate) source: &'static str,
    /// Whether a signature vouches for it.
    pub(crate) signed: bool,
}

/// The two trees, and what is still open since the last milestone.
pub(crate) struct Tree {
    zone: Arc<str>,
    bodies: Frontier,
    hashes: Frontier,
    /// Index of the next entry. Ahead of the frontiers while these are lost.
    position: u64,
    /// Entries before this are confirmed, or reported.
    settled: u64,
    /// Where what was confirmed or reported last begins.
    stretch: u64,
    /// Entries before this, from the first on, are confirmed by a good checkpoint.
    confirmed: u64,
    /// No entry in doubt so far.
    unbroken: bool,
    /// The trees stand on a hole: nothing can be compared before the next frontier.
    lost: bool,
    /// Entries whose body and leaf hash do not belong together, until a milestone says which is right.
    disputed: Vec<Entry>,
}

impl Tree {
    pub(crate) fn new(zone: &str) -> Self {
        Self::resume(zone, Frontier::new())
    }

    /// Goes on from a tree that is known to be right.
    pub(crate) fn resume(zone: &str, known: Frontier) -> Self {
        let position = known.size();
        Self {
            zone: zone.into(),
            bodies: known.clone(),
            hashes: known,
            position,
            settled: position,
            stretch: position,
            confirmed: 0,
            unbroken: true,
            lost: false,
            disputed: Vec::new(),
        }
    }

    pub(crate) fn zone(&self) -> &str {
        &self.zone
    }

    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Entries, from the first on, that agree with a signature.
    pub(crate) fn confirmed(&self) -> u64 {
        self.confirmed
    }

    /// Whether every entry so far is confirmed or reported.
    pub(crate) fn is_settled(&self) -> bool {
        self.unsettled().is_none()
    }

    /// The entries that are neither confirmed nor reported, if there are any.
    pub(crate) fn unsettled(&self) -> Option<(u64, u64)> {
        let last = self.position.checked_sub(1)?;
        (self.settled <= last).then_some((self.settled, last))
    }

    /// Whether the tree stands on a hole.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost
    }

    pub(crate) fn root(&self) -> Hash {
        self.bodies.root()
    }

    pub(crate) fn append(&mut self, entry: Entry) {
        self.position = self.position.saturating_add(1);
        if !self.lost {
            self.bodies.append(entry.computed);
            self.hashes.append(entry.stored.unwrap_or(entry.computed));
        }
        if !entry.agrees() {
            self.disputed.push(entry);
        }
    }

    /// Goes on at `position`, over entries that are not there.
    pub(crate) fn jump(&mut self, position: u64) {
        if position > self.position {
            self.position = position;
            self.lost = true;
        }
    }

    /// Compares with a milestone of exactly this size.
    pub(crate) fn compare(&mut self, milestone: &Milestone, findings: &mut Vec<Finding>) {
        let by_bodies = !self.lost && self.bodies.root() == milestone.root;
        let by_hashes = !self.lost && self.hashes.root() == milestone.root;
        let (size, source) = (milestone.size, milestone.source);
        if by_bodies || by_hashes {
            self.settle(by_bodies, &format!("{source} for {size} entries"), findings);
            if self.unbroken && by_bodies && milestone.signed {
                self.confirmed = size;
            }
            self.unbroken &= by_bodies;
            // Go on from what is confirmed, so that one change does not taint what follows.
            if by_bodies {
                self.hashes = self.bodies.clone();
            } else {
                self.bodies = self.hashes.clone();
            }
        } else {
            self.unbroken = false;
            self.settle_without_proof(findings);
            if self.settled < size {
                findings.push(self.mismatch(milestone));
            } else if !self.lost {
                let text = format!(
                    "two signed roots exist for {size} entries, one of them in the {source}"
                );
                let finding = Finding::tampered(FindingKind::Root, &self.zone);
                let finding = match size.checked_sub(1) {
                    Some(last) => finding.over(self.stretch, last),
                    None => finding,
                };
                findings
                    .push(finding.says("the log was signed with two different histories", text));
            }
            if let Some(frontier) = &milestone.frontier {
                self.bodies = frontier.clone();
                self.hashes = frontier.clone();
                self.lost = false;
            }
        }
        if self.settled < size {
            self.stretch = self.settled;
            self.settled = size;
        }
    }

    /// Reports what no later checkpoint can settle.
    pub(crate) fn finish(&mut self, findings: &mut Vec<Finding>) {
        self.settle_without_proof(findings);
    }

    fn mismatch(&self, milestone: &Milestone) -> Finding {
        let Milestone { size, source, .. } = milestone;
        let last = size.saturating_sub(1);
        let (what, evidence) = if self.lost {
            (
                "these entries cannot be confirmed, because one before them or among them is missing",
                format!("the {source} for {size} entries is about a tree that cannot be rebuilt"),
            )
        } else {
            (
                "at least one of these entries is not what was recorded, or not in its place",
                format!(
                    "with the entries before them they lead to the root {}, but the {source} for {size} entries has the root {}",
                    self.bodies.root(),
                    milestone.root
                ),
            )
        };
        Finding::tampered(FindingKind::Root, &self.zone)
            .over(self.settled, last)
            .says(what, evidence)
    }

    fn settle(&mut self, bodies_are_right: bool, source: &str, findings: &mut Vec<Finding>) {
        for entry in self.disputed.drain(..) {
            let finding = if bodies_are_right {
                entry.finding(FindingKind::LeafHash, &self.zone).says(
                    "the stored leaf hash was changed; the body is as it was recorded",
                    format!("the body belongs to the tree of the {source}, the leaf hash does not"),
                )
            } else {
                entry.finding(FindingKind::Body, &self.zone).says(
                    "the stored body was changed",
                    format!(
                        "the leaf hash belongs to the tree of the {source}, but the body does not hash to it; {}",
                        entry.body_text()
                    ),
                )
            };
            findings.push(finding);
            if bodies_are_right {
                findings.extend(entry.findings(&self.zone));
            }
        }
    }

    fn settle_without_proof(&mut self, findings: &mut Vec<Finding>) {
        for entry in self.disputed.drain(..) {
            let text = entry.body_text();
            findings.push(entry.finding(FindingKind::BodyOrLeafHash, &self.zone).says(
                "the stored body or its leaf hash was changed",
                format!("the body does not hash to the stored leaf hash; {text}"),
            ));
        }
    }
}
