//! What had to be refused, and what had to be allowed, at any moment.
//!
//! A change takes effect somewhere between the moment at which it was asked for and one lease after it
//! was acknowledged. So for an answer, the state that it may rest on is what was in force at any
//! moment between question and answer, with each change that was under way then counted both ways.
//! An answer is wrong if none of these states leads to it.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::time::Duration;

use caracal_mandate::reason::Reason;
use tokio::time::Instant;

use super::cast::Pair;
use super::plan::LEASE;

/// What an answer depends on. All of them have to hold for a yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Condition {
    /// There is a live grant.
    Granted(Pair),
    /// The application is live.
    Active(&'static str),
    /// The policy lets the application.
    Permitted(&'static str),
}

impl Condition {
    /// Those of a pair.
    const fn of(pair: Pair) -> [Self; 3] {
        [
            Self::Granted(pair),
            Self::Active(pair.application),
            Self::Permitted(pair.application),
        ]
    }

    /// Before anything was done: nothing is granted; nobody is revoked or barred.
    const fn at_first(self) -> bool {
        !matches!(self, Self::Granted(_))
    }

    /// How a refusal for want of it is called.
    const fn refusal(self) -> Reason {
        match self {
            Self::Granted(_) => Reason::NoGrant,
            Self::Active(_) => Reason::ApplicationInactive,
            Self::Permitted(_) => Reason::PolicyDenied,
        }
    }
}

/// One change of a condition.
#[derive(Debug, Clone, Copy)]
struct Fact {
    holds: bool,
    asked: Instant,
    acknowledged: Option<Instant>,
}

/// When something was asked and answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    /// When the question was sent.
    pub(super) sent: Instant,
    /// When its answer was there.
    pub(super) answered: Instant,
}

/// Whether a condition may have held, and may not have held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Possible {
    holding: bool,
    failing: bool,
}

/// Everything that was changed.
#[derive(Debug, Default)]
pub(super) struct Oracle {
    facts: HashMap<Condition, Vec<Fact>>,
    replaced_keys: Vec<(String, Instant)>,
}

impl Oracle {
    /// A change is about to be asked for.
    pub(super) fn begin(&mut self, condition: Condition, holds: bool, asked: Instant) {
        self.facts.entry(condition).or_default().push(Fact {
            holds,
            asked,
            acknowledged: None,
        });
    }

    /// The latest change of a condition was acknowledged.
    pub(super) fn acknowledge(&mut self, condition: Condition, at: Instant) {
        let latest = self
            .facts
            .get_mut(&condition)
            .and_then(|all| all.last_mut());
        if let Some(fact) = latest {
            fact.acknowledged = Some(at);
        }
    }

    /// Another key has taken over from this one.
    pub(super) fn replace_key(&mut self, kid: String, acknowledged: Instant) {
        self.replaced_keys.push((kid, acknowledged));
    }

    fn possible(&self, condition: Condition, span: Span) -> Possible {
        let first = Possible {
            holding: condition.at_first(),
            failing: !condition.at_first(),
        };
        let facts = self.facts.get(&condition).map_or(&[][..], Vec::as_slice);
        facts
            .iter()
            .filter(|fact| fact.asked <= span.answered)
            .fold(first, |before, fact| {
                let in_force = fact.acknowledged.is_some_and(|at| at + LEASE <= span.sent);
                // What is in force everywhere leaves nothing of what was before.
                Possible {
                    holding: fact.holds || (before.holding && !in_force),
                    failing: !fact.holds || (before.failing && !in_force),
                }
            })
    }

    /// Why a yes is wrong, if it is.
    pub(super) fn forbids(&self, pair: Pair, kid: &str, span: Span) -> Option<String> {
        let missing = Condition::of(pair)
            .into_iter()
            .find(|condition| !self.possible(*condition, span).holding);
        if let Some(condition) = missing {
            return Some(format!("{condition:?} did not hold any more, or not yet"));
        }
        let mut replaced = self.replaced_keys.iter();
        let old = replaced.find(|(old, at)| old == kid && *at + LEASE <= span.sent);
        old.map(|(kid, _)| format!("key {kid} had been replaced"))
    }

    /// Whether a no for this reason is what the rules say.
    pub(super) fn explains(&self, pair: Pair, reason: Reason, span: Span) -> bool {
        Condition::of(pair).into_iter().any(|condition| {
            self.possible(condition, span).failing && condition.refusal() == reason
        })
    }

    /// How long after the acknowledged end of a condition a yes was still asked for: what the lease
    /// allows, and how much of it was used.
    pub(super) fn lateness(&self, pair: Pair, sent: Instant) -> Duration {
        let ended = |condition: Condition| {
            let fact = self.facts.get(&condition)?.iter().rev();
            let mut before = fact.filter(|fact| fact.asked <= sent);
            let fact = before.next().filter(|fact| !fact.holds)?;
            sent.checked_duration_since(fact.acknowledged?)
        };
        let ended = Condition::of(pair).into_iter().filter_map(ended);
        ended.max().unwrap_or_default()
    }
}
