//! Which signed states are good: without a policy all, with one those with its quorum.

use super::super::judge::Judge;
use super::super::report::{Finding, FindingKind, Severity};
use super::states::Milestone;
use crate::merkle::Hash;

/// A state that is signed and not good.
struct Open {
    size: u64,
    source: &'static str,
    missing: Vec<String>,
    /// Whether some witness has answered.
    is_settled: bool,
}

/// What was weighed so far.
pub(super) struct Trusting<'a> {
    judge: &'a Judge<'a>,
    allowed: bool,
    /// Good ones.
    pub(super) good: u64,
    /// The newest that stands in the export.
    pub(super) newest: Option<(u64, Hash)>,
    covered: Option<u64>,
    /// Those since the last good one: how many, and the newest.
    open: u64,
    last: Option<Open>,
}

impl<'a> Trusting<'a> {
    pub(super) fn new(judge: &'a Judge<'a>, zone: &str) -> Self {
        let allows = |policy: &crate::TrustPolicy| policy.allows_zone(&judge.verifier, zone);
        Self {
            judge,
            allowed: judge.policy.is_none_or(allows),
            good: 0,
            newest: None,
            covered: None,
            open: 0,
            last: None,
        }
    }

    /// Whether it is good.
    pub(super) fn weigh(&mut self, milestone: &Milestone) -> bool {
        let Milestone { size, root, .. } = milestone;
        // One that was kept elsewhere brings no frontier, and stands in no file.
        if milestone.source == super::states::OF_THE_EXPORT {
            self.newest = Some((*size, *root));
        }
        let quorum = milestone.witnessed.as_ref().is_none_or(|by| by.is_quorum);
        let is_good = self.allowed && (self.judge.policy.is_none() || quorum);
        if is_good {
            self.good = self.good.saturating_add(1);
            self.covered = Some(*size);
            self.open = 0;
            self.last = None;
        } else {
            self.open = self.open.saturating_add(1);
            let by = milestone.witnessed.as_ref();
            self.last = Some(Open {
                size: *size,
                source: milestone.source,
                missing: by.map(|by| by.missing.clone()).unwrap_or_default(),
                is_settled: by.is_some_and(|by| !by.cosigned.is_empty()),
            });
        }
        is_good
    }

    /// What is to be said of entries that no good state covers.
    pub(super) fn finding(self, zone: &str) -> Option<Finding> {
        let severity = Severity::Unwitnessed;
        if !self.allowed {
            let finding = Finding::new(severity, FindingKind::Policy, zone);
            return Some(finding.says(
                "the policy does not trust this log",
                "it lists logs, and neither the key of this zone nor that of its ledger",
            ));
        }
        let last = self.last?;
        // The publisher signs one, and no other before that one is settled.
        let is_pending = self.covered.is_some() && self.open == 1 && !last.is_settled;
        let (severity, what) = if is_pending {
            let what = "these entries are signed, and the witnesses have not answered yet";
            (Severity::Notice, what)
        } else {
            let what =
                "these entries are signed by the log alone: no quorum of witnesses has seen them";
            (severity, what)
        };
        let finding = Finding::new(severity, FindingKind::Unwitnessed, zone);
        let from = self.covered.unwrap_or(0);
        let finding = match last.size.checked_sub(1) {
            Some(end) if end >= from => finding.over(from, end),
            _ => finding,
        };
        let missing = last.missing.join(", ");
        let (source, size) = (last.source, last.size);
        let evidence = format!("the {source} for {size} entries has no cosignature of {missing}");
        Some(finding.says(what, evidence))
    }
}
