//! What the check has to say, for readiness, metrics and people.

use serde::Serialize;

use crate::verify::Finding;

/// Findings that are told one by one.
const MAX_TOLD: usize = 10;

/// What to do, whatever was found.
const ADVICE: &str = "leave the database as it is, copy it with caracal audit copy, and verify the copy with \
    caracal audit verify and a checkpoint that was kept elsewhere";

/// What came of the ledger's check of itself since the start of this process.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct SelfCheckStatus {
    /// Whole passes, each from the first entry of every zone to its newest checkpoint.
    pub passes: u64,
    /// When the last one ended, Unix time in milliseconds.
    pub last_pass_ms: Option<u64>,
    /// The zone where the pass of now is; none between two.
    pub zone: Option<String>,
    /// How many entries of that zone it has behind it.
    pub position: u64,
    /// Entries that were read since the start, those that were read again included.
    pub checked: u64,
    /// Entries at the ends of the logs that wait for their first look.
    pub waiting: u64,
    /// What is wrong. It stays until a whole pass that began later did not find it again.
    pub findings: Vec<Finding>,
    /// What is wrong beyond that: there are more findings than are kept.
    pub more: u64,
    /// Why the database could not be read the last time. That is no finding: whoever asks the ledger
    /// something notices it as well.
    pub unreadable: Option<String>,
}

impl SelfCheckStatus {
    /// Whether nothing is wrong with the ledger, as far as is known.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        self.findings.is_empty()
    }

    /// What is wrong and what to do, for people; empty when nothing is.
    #[must_use]
    pub fn reasons(&self) -> Vec<String> {
        let told = self.findings.iter().take(MAX_TOLD);
        let mut reasons: Vec<_> = told
            .map(|finding| format!("the ledger's check of itself failed: {finding}"))
            .collect();
        let found = u64::try_from(self.findings.len()).unwrap_or(u64::MAX);
        let told = u64::try_from(reasons.len()).unwrap_or(u64::MAX);
        let untold = found.saturating_sub(told).saturating_add(self.more);
        if untold > 0 {
            reasons.push(format!(
                "the ledger's check of itself failed {untold} times more"
            ));
        }
        if !self.is_intact() {
            reasons.push(ADVICE.to_owned());
        }
        reasons
    }
}
