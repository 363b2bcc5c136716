//! The way through the entries of one zone, past what was signed. Whoever reads them feeds it.

use std::collections::VecDeque;

use super::entry::Entry;
use super::report::{Finding, FindingKind};
use super::tree::{Milestone, Tree};

/// A tree that grows, the milestones before it, and what is wrong so far.
pub(crate) struct Walk {
    pub(crate) tree: Tree,
    /// Those that are still ahead, by size.
    pub(crate) ahead: VecDeque<Milestone>,
    pub(crate) findings: Vec<Finding>,
}

impl Walk {
    pub(crate) fn new(
        tree: Tree,
        ahead: impl IntoIterator<Item = Milestone>,
        findings: Vec<Finding>,
    ) -> Self {
        Self {
            tree,
            ahead: ahead.into_iter().collect(),
            findings,
        }
    }

    /// The next entry, in the order of their indexes.
    pub(crate) fn entry(&mut self, entry: Entry) {
        let expected = self.tree.position();
        let Some(index) = entry.index.filter(|index| *index >= expected) else {
            let finding = entry.finding(FindingKind::Index, self.tree.zone());
            self.findings.push(finding.says(
                "an entry has an index that is taken or is none",
                format!("the next index after the entries before it is {expected}"),
            ));
            return;
        };
        if index > expected {
            let evidence = format!("the entry with index {index} follows directly after them");
            self.hole(index, evidence);
        }
        self.pass(index);
        if entry.agrees() {
            self.findings.extend(entry.findings(self.tree.zone()));
        }
        self.tree.append(entry);
    }

    /// No entry from here up to `end` is there.
    pub(crate) fn hole(&mut self, end: u64, evidence: String) {
        let finding = Finding::tampered(FindingKind::Missing, self.tree.zone())
            .over(self.tree.position(), end.saturating_sub(1));
        self.findings
            .push(finding.says("entries are missing", evidence));
        self.pass(end);
        self.tree.jump(end);
    }

    /// Compares with every milestone up to `size`.
    pub(crate) fn pass(&mut self, size: u64) {
        while self.ahead.front().is_some_and(|next| next.size <= size) {
            if let Some(milestone) = self.ahead.pop_front() {
                self.tree.jump(milestone.size);
                self.tree.compare(&milestone, &mut self.findings);
            }
        }
    }
}
