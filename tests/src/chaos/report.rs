//! The figures: a line for each fault, the table at the end, and the file for machines.

use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use super::books::Account;
use super::fault::Fault;
use super::judge::Tally;
use crate::story::narrator::Narrator;

/// What was counted from shortly before a fault until all was well again, and for a while after.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// What was done.
    pub fault: &'static str,
    /// What the design lets it refuse.
    pub may_refuse: &'static str,
    /// Questions that ended.
    pub requests: usize,
    /// Answered yes.
    pub allowed: usize,
    /// Answered no because of a revocation, a missing grant or the policy.
    pub refused_by_rule: usize,
    /// Refused, or not answered, because of the fault, where and when the design says so.
    pub refused_in_window: usize,
    /// Refused, or not answered, otherwise.
    pub refused_outside: usize,
    /// Answered yes where it had to be no.
    pub wrongly_allowed: usize,
    /// Answered, and not in the ledger.
    pub lost: usize,
    /// In the ledger more than once.
    pub repeated: usize,
    /// In the ledger as something else.
    pub different: usize,
    /// Refused for want of a record that was made after all.
    pub withheld: usize,
    /// Turned away by the token endpoint before anybody was authenticated, which is not recorded.
    pub unproven: usize,
    /// Seconds from the end of the cause until every replica that refused said yes again.
    pub back_after_s: Option<f64>,
    /// Longest time in milliseconds after an acknowledged no at which a yes was still asked for.
    pub latest_yes_ms: u128,
    /// What went wrong, for people.
    pub problems: Vec<String>,
}

impl Row {
    pub(super) fn new(fault: Fault, tally: Tally, back: Option<Duration>) -> Self {
        let Tally {
            requests,
            allowed,
            refused_by_rule,
            refused_in_window,
            refused_outside,
            wrongly_allowed,
            latest_yes,
            examples,
        } = tally;
        Self {
            fault: fault.name(),
            may_refuse: fault.design(),
            requests,
            allowed,
            refused_by_rule,
            refused_in_window,
            refused_outside,
            wrongly_allowed,
            lost: 0,
            repeated: 0,
            different: 0,
            withheld: 0,
            unproven: 0,
            back_after_s: back.map(|back| back.as_secs_f64()),
            latest_yes_ms: latest_yes.as_millis(),
            problems: examples,
        }
    }

    pub(super) fn add_account(&mut self, account: Account) {
        let Account {
            lost,
            repeated,
            different,
            withheld,
            unproven,
            examples,
        } = account;
        self.lost = lost;
        self.repeated = repeated;
        self.different = different;
        self.withheld = withheld;
        self.unproven = unproven;
        self.problems.extend(examples);
    }

    /// Whether the design was kept.
    #[must_use]
    pub fn holds(&self) -> bool {
        let wrong = self.refused_outside + self.wrongly_allowed;
        let unrecorded = self.lost + self.repeated + self.different;
        wrong == 0 && unrecorded == 0 && self.problems.is_empty()
    }

    pub(super) fn tell(&self, narrator: &mut Narrator) -> Result<()> {
        let back = self.back_after_s.map_or_else(String::new, |back| {
            format!(", allowed again after {back:.2} s")
        });
        let seen = format!(
            "{} requests, {} allowed, {} refused by rule, {} refused in the window, {} outside, \
             {} wrongly allowed, {} lost{back}",
            self.requests,
            self.allowed,
            self.refused_by_rule,
            self.refused_in_window,
            self.refused_outside,
            self.wrongly_allowed,
            self.lost
        );
        let claim = format!("{}; may refuse {}", self.fault, self.may_refuse);
        narrator.step(&claim, self.holds(), &seen)?;
        for problem in &self.problems {
            narrator.note(problem)?;
        }
        Ok(())
    }
}

/// One run.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Fault by fault.
    pub rows: Vec<Row>,
    /// Questions that ended, over the whole run.
    pub requests: usize,
    /// Changes of authority that were acknowledged.
    pub changes: usize,
    /// Entries of the ledger.
    pub entries: usize,
    /// Checkpoints that were kept, and that the log continues.
    pub checkpoints: usize,
    /// Answered or acknowledged, and not in the ledger at the end.
    pub lost: usize,
    /// In the ledger more than once at the end.
    pub repeated: usize,
    /// In the ledger as something else at the end.
    pub different: usize,
    /// What went wrong at the end, for people.
    pub problems: Vec<String>,
}

impl Report {
    /// Whether everything held.
    #[must_use]
    pub fn holds(&self) -> bool {
        let unrecorded = self.lost + self.repeated + self.different;
        unrecorded == 0 && self.problems.is_empty() && self.rows.iter().all(Row::holds)
    }

    pub(super) fn tell(&self, narrator: &mut Narrator) -> Result<()> {
        narrator.chapter("Counted")?;
        narrator.note(&format!(
            "{:<33} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>5} {:>7}",
            "", "requests", "allowed", "by rule", "window", "outside", "wrongly", "lost", "back s"
        ))?;
        for row in &self.rows {
            let back = row
                .back_after_s
                .map_or_else(String::new, |back| format!("{back:.2}"));
            narrator.note(&format!(
                "{:<33} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>5} {:>7}",
                row.fault,
                row.requests,
                row.allowed,
                row.refused_by_rule,
                row.refused_in_window,
                row.refused_outside,
                row.wrongly_allowed,
                row.lost,
                back
            ))?;
        }
        let latest = self.rows.iter().map(|row| row.latest_yes_ms).max();
        narrator.note(&format!(
            "latest yes after an acknowledged no: {} ms; the lease allows 2000",
            latest.unwrap_or_default()
        ))
    }
}
