//! Every answer against what the design says.

#[cfg(test)]
mod tests;

use std::time::Duration;

use caracal_mandate::reason::Reason;
use tokio::time::Instant;

use super::caller::Answer;
use super::cast::Pair;
use super::oracle::{Oracle, Span};

/// Examples that are kept of each kind of failure.
const EXAMPLES: usize = 5;

/// One question and its answer.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    /// Its request id.
    pub(super) request_id: String,
    /// The replica that was asked.
    pub(super) replica: usize,
    /// Who asked for what.
    pub(super) pair: Pair,
    /// When.
    pub(super) span: Span,
    /// What came back.
    pub(super) answer: Answer,
}

/// What a fault may do to callers, as the design says it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    /// From when on.
    pub(super) from: Instant,
    /// Until when; without it, it is still open.
    pub(super) until: Option<Instant>,
    /// At one replica, or at all of them.
    pub(super) replica: Option<usize>,
    /// Why may be refused.
    pub(super) reasons: &'static [Reason],
    /// Whether connections may break as well.
    pub(super) breaks_connections: bool,
}

impl Window {
    /// Whether what is no yes has its cause here: something of it fell into the window.
    fn covers(&self, attempt: &Attempt) -> bool {
        let Span { sent, answered } = attempt.span;
        let cause = match &attempt.answer {
            Answer::Allowed { .. } => false,
            Answer::Refused(reason) => self.reasons.contains(reason),
            Answer::Unanswered(_) => self.breaks_connections,
        };
        cause
            && self
                .replica
                .is_none_or(|replica| replica == attempt.replica)
            && self.from <= answered
            && self.until.is_none_or(|until| sent <= until)
    }
}

/// What an answer is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    Allowed,
    RefusedByRule,
    RefusedInWindow,
    RefusedOutside(String),
    WronglyAllowed(String),
}

fn verdict(attempt: &Attempt, oracle: &Oracle, windows: &[Window]) -> Verdict {
    let (pair, span) = (attempt.pair, attempt.span);
    let why = match &attempt.answer {
        Answer::Allowed { kid, .. } => {
            return match oracle.forbids(pair, kid, span) {
                Some(why) => Verdict::WronglyAllowed(why),
                None => Verdict::Allowed,
            };
        }
        Answer::Refused(reason) if oracle.explains(pair, *reason, span) => {
            return Verdict::RefusedByRule;
        }
        Answer::Refused(reason) => reason.to_string(),
        Answer::Unanswered(why) => why.clone(),
    };
    if windows.iter().any(|window| window.covers(attempt)) {
        Verdict::RefusedInWindow
    } else {
        Verdict::RefusedOutside(why)
    }
}

/// What was counted.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    /// Questions that ended.
    pub(super) requests: usize,
    /// Yes, and rightly.
    pub(super) allowed: usize,
    /// No, because of a revocation, a missing grant or the policy.
    pub(super) refused_by_rule: usize,
    /// No, because of the fault, where and when it may be.
    pub(super) refused_in_window: usize,
    /// No, and nothing says so.
    pub(super) refused_outside: usize,
    /// Yes, where it had to be no.
    pub(super) wrongly_allowed: usize,
    /// The longest time after an acknowledged no at which a yes was still asked for.
    pub(super) latest_yes: Duration,
    /// Some of what went wrong, for people.
    pub(super) examples: Vec<String>,
}

impl Tally {
    /// Counts attempts.
    pub(super) fn of(attempts: &[Attempt], oracle: &Oracle, windows: &[Window]) -> Self {
        let mut tally = Self::default();
        for attempt in attempts {
            tally.requests += 1;
            match verdict(attempt, oracle, windows) {
                Verdict::Allowed => {
                    tally.allowed += 1;
                    let late = oracle.lateness(attempt.pair, attempt.span.sent);
                    tally.latest_yes = tally.latest_yes.max(late);
                }
                Verdict::RefusedByRule => tally.refused_by_rule += 1,
                Verdict::RefusedInWindow => tally.refused_in_window += 1,
                Verdict::RefusedOutside(why) => {
                    tally.refused_outside += 1;
                    tally.example("refused outside", attempt, &why);
                }
                Verdict::WronglyAllowed(why) => {
                    tally.wrongly_allowed += 1;
                    tally.example("wrongly allowed", attempt, &why);
                }
            }
        }
        tally
    }

    fn example(&mut self, what: &str, attempt: &Attempt, why: &str) {
        if self.examples.len() < EXAMPLES {
            let Attempt {
                request_id,
                replica,
                pair,
                span,
                answer: _,
            } = attempt;
            let took = span.answered.saturating_duration_since(span.sent);
            self.examples.push(format!(
                "{what}: {request_id} of {} for {} at replica {replica}, after {took:.1?}: {why}",
                pair.application, pair.target.resource
            ));
        }
    }
}

/// How long after `healed` each replica that was refusing said yes again; the longest of them. `None`
/// if no replica refused because of the fault.
pub(super) fn back_after(
    attempts: &[Attempt],
    oracle: &Oracle,
    window: &Window,
    healed: Instant,
) -> Option<Duration> {
    let hit = |attempt: &&Attempt| {
        window.covers(attempt)
            && verdict(attempt, oracle, std::slice::from_ref(window)) == Verdict::RefusedInWindow
    };
    let mut replicas: Vec<_> = attempts.iter().filter(hit).map(|one| one.replica).collect();
    replicas.sort_unstable();
    replicas.dedup();
    let first_yes = |replica: usize| {
        let yes = attempts.iter().filter(|attempt| {
            attempt.replica == replica && matches!(attempt.answer, Answer::Allowed { .. })
        });
        let after = yes.filter_map(|attempt| attempt.span.answered.checked_duration_since(healed));
        after.min()
    };
    // A replica that never said yes again is not well, which is found elsewhere.
    replicas.into_iter().filter_map(first_yes).max()
}
