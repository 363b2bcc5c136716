//! Neighbours with the same fault are one finding: a file that was replaced has one in each line.

use super::super::report::Finding;

/// Findings about entries, in their order.
#[derive(Debug, Default)]
pub(super) struct Runs(Vec<Finding>);

impl Runs {
    /// Adds a finding. One that says the same of the next entry makes the last one longer.
    pub(super) fn push(&mut self, finding: Finding) {
        if let Some(before) = self.0.last_mut()
            && continues(before, &finding)
        {
            before.last = finding.last;
            return;
        }
        self.0.push(finding);
    }

    pub(super) fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        findings.into_iter().for_each(|finding| self.push(finding));
    }

    pub(super) fn into_findings(self) -> Vec<Finding> {
        self.0
    }
}

fn continues(before: &Finding, next: &Finding) -> bool {
    let follows = match (before.last, next.first) {
        (Some(last), Some(first)) => last.checked_add(1) == Some(first),
        _ => false,
    };
    follows
        && before.kind == next.kind
        && before.severity == next.severity
        && before.zone == next.zone
        && before.what == next.what
}
