//! What was answered against what the ledger says.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use caracal_audit::Record;
use caracal_mandate::event::{Action, Outcome};
use caracal_mandate::reason::Reason;

use super::caller::Answer;
use super::cast::TOKEN_CLIENT;
use super::judge::Attempt;

/// Examples that are kept of what does not agree.
const EXAMPLES: usize = 5;

/// One decision, as far as it is compared.
#[derive(Debug, Clone)]
struct Entry {
    outcome: Outcome,
    reason: Option<Reason>,
    mandate: Option<String>,
    boot: String,
}

/// The decisions of a ledger.
#[derive(Debug, Default)]
pub(super) struct Books {
    decisions: HashMap<String, Vec<Entry>>,
    changes: HashSet<u64>,
    entries: usize,
}

impl Books {
    /// Adds a record.
    pub(super) fn add(&mut self, record: Record) {
        self.entries += 1;
        let event = record.event;
        match (event.action, event.request_id, event.epoch) {
            (Action::Admin, _, Some(seq)) if event.outcome == Outcome::Allow => {
                self.changes.insert(seq);
            }
            (Action::Exchange, Some(request_id), _) => {
                let entry = Entry {
                    outcome: event.outcome,
                    reason: event.reason,
                    mandate: event.mandate,
                    boot: event.emitter.boot,
                };
                self.decisions.entry(request_id).or_default().push(entry);
            }
            _ => {}
        }
    }

    /// Entries in all.
    pub(super) const fn entries(&self) -> usize {
        self.entries
    }

    /// The run of the replica that decided on a request.
    pub(super) fn boot(&self, request_id: &str) -> Option<&str> {
        let entry = self.decisions.get(request_id)?.first()?;
        Some(entry.boot.as_str())
    }

    /// Holds every answer, and every acknowledged change, against the ledger.
    pub(super) fn compare(&self, attempts: &[Attempt], changes: &[u64]) -> Account {
        let mut account = Account::default();
        for attempt in attempts {
            let entries = self.decisions.get(&attempt.request_id);
            let entries = entries.map_or(&[][..], Vec::as_slice);
            match entries {
                [] if matches!(attempt.answer, Answer::Unanswered(_)) => {}
                [] if is_unproven(attempt) => account.unproven += 1,
                [] => {
                    account.lost += 1;
                    account.example("not in the ledger", attempt);
                }
                [entry] => match agreement(entry, &attempt.answer) {
                    Agreement::Same => {}
                    Agreement::WithheldYes => account.withheld += 1,
                    Agreement::Different => {
                        account.different += 1;
                        account.example("the ledger says something else of", attempt);
                    }
                },
                _ => {
                    account.repeated += 1;
                    account.example("more than once in the ledger", attempt);
                }
            }
        }
        for seq in changes.iter().filter(|seq| !self.changes.contains(seq)) {
            account.lost += 1;
            account
                .examples
                .push(format!("change {seq} is not in the ledger"));
        }
        account.examples.truncate(EXAMPLES);
        account
    }
}

/// The token endpoint proves nobody on authority that is not live: it turns everybody away before it
/// knows who asks, and that is not recorded (`sts/src/oauth/client.rs`).
fn is_unproven(attempt: &Attempt) -> bool {
    attempt.pair.application == TOKEN_CLIENT
        && attempt.answer == Answer::Refused(Reason::IssuerUnavailable)
}

enum Agreement {
    Same,
    /// The ledger has a yes whose commit was not confirmed to the replica, so that it said no.
    WithheldYes,
    Different,
}

fn agreement(entry: &Entry, answer: &Answer) -> Agreement {
    let same = match answer {
        Answer::Allowed { mandate, .. } => {
            entry.outcome == Outcome::Allow && entry.mandate.as_ref() == Some(mandate)
        }
        Answer::Refused(reason) => entry.reason == Some(*reason),
        // It was decided, and nobody was told.
        Answer::Unanswered(_) => true,
    };
    match answer {
        _ if same => Agreement::Same,
        Answer::Refused(Reason::AuditUnavailable) => Agreement::WithheldYes,
        _ => Agreement::Different,
    }
}

/// What the comparison came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Account {
    /// Answered, or acknowledged, and not in the ledger.
    pub(super) lost: usize,
    /// In the ledger more than once.
    pub(super) repeated: usize,
    /// In the ledger as something else.
    pub(super) different: usize,
    /// Refused because the record was not confirmed, though it was made: no harm, and rare.
    pub(super) withheld: usize,
    /// Turned away by the token endpoint before anybody was authenticated: not recorded.
    pub(super) unproven: usize,
    /// Some of what does not agree, for people.
    pub(super) examples: Vec<String>,
}

impl Account {
    fn example(&mut self, what: &str, attempt: &Attempt) {
        if self.examples.len() < EXAMPLES {
            let Attempt {
                request_id,
                replica,
                answer,
                ..
            } = attempt;
            self.examples.push(format!(
                "{what}: {request_id} at replica {replica}, {answer:?}"
            ));
        }
    }

    /// Whether the books agree.
    pub(super) const fn is_clean(&self) -> bool {
        self.lost == 0 && self.repeated == 0 && self.different == 0
    }
}
