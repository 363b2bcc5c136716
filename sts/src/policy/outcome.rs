//! What a policy says, and every way in which it says nothing.

use std::collections::BTreeSet;

use regorus::Value;
use serde::Serialize;

/// Most denial reasons that are kept, and how much of each.
const MAX_REASONS: usize = 8;
const MAX_REASON_CHARS: usize = 128;

/// What a policy says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "decision", rename_all = "lowercase")]
pub enum Decision {
    /// Yes, within bounds.
    Allow(Narrowing),
    /// No.
    Deny(Denial),
}

/// The bounds of a yes. They only ever make less of a mandate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Narrowing {
    /// `max_lifetime` in seconds, if the policy has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_lifetime: Option<u64>,
    /// `scopes`, if the policy has it: nothing outside of it is issued.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes: Option<BTreeSet<String>>,
}

/// Why it is a no.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Denial {
    /// What `allow` was.
    pub allow: Answer,
    /// The members of `deny`, sorted and shortened.
    pub reasons: Vec<String>,
}

/// A boolean rule's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// `true`.
    True,
    /// `false`.
    False,
    /// No rule gave it a value.
    Undefined,
}

impl std::fmt::Display for Denial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.reasons.is_empty(), self.allow) {
            (false, _) => f.write_str(&self.reasons.join("; ")),
            (true, Answer::Undefined) => f.write_str("allow is undefined"),
            (true, Answer::False | Answer::True) => f.write_str("allow is false"),
        }
    }
}

/// Why there is no decision, which is a no. Without the interpreter's text, which may quote the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// The interpreter stopped with an error: a function that was given what it does not take, or two
    /// rules that disagree.
    #[error("the evaluation failed")]
    Failed,
    /// No answer in time.
    #[error("the evaluation ran out of time")]
    TimedOut,
    /// `allow` is not a boolean.
    #[error("allow is not a boolean")]
    AllowType,
    /// `deny` is not a set of strings.
    #[error("deny is not a set of strings")]
    DenyType,
    /// `max_lifetime` is not a positive whole number.
    #[error("max_lifetime is not a whole number of seconds, at least 1")]
    LifetimeType,
    /// `scopes` is not a set of strings.
    #[error("scopes is not a set of strings")]
    ScopesType,
}

/// The values of the rules that make the answer.
pub(super) struct Results {
    pub(super) allow: Value,
    pub(super) deny: Value,
    pub(super) max_lifetime: Value,
    pub(super) scopes: Value,
}

impl Results {
    /// The decision that they are. All are read, whatever the first one says: a policy with a part of
    /// the wrong type is wrong.
    pub(super) fn decide(&self) -> Result<Decision, EvalError> {
        let Self {
            allow,
            deny,
            max_lifetime,
            scopes,
        } = self;
        let allow = match allow {
            Value::Bool(true) => Answer::True,
            Value::Bool(false) => Answer::False,
            Value::Undefined => Answer::Undefined,
            _ => return Err(EvalError::AllowType),
        };
        let reasons = strings(deny).ok_or(EvalError::DenyType)?;
        let max_lifetime = lifetime(max_lifetime)?;
        let scopes = match scopes {
            Value::Undefined => None,
            scopes => Some(strings(scopes).ok_or(EvalError::ScopesType)?),
        };
        // Every member of `deny` counts, even an empty string: the policy named a ground.
        if allow == Answer::True && reasons.is_empty() {
            return Ok(Decision::Allow(Narrowing {
                max_lifetime,
                scopes: scopes.map(|scopes| scopes.into_iter().collect()),
            }));
        }
        let shorten = |reason: String| reason.chars().take(MAX_REASON_CHARS).collect();
        let reasons = reasons.into_iter().take(MAX_REASONS).map(shorten).collect();
        Ok(Decision::Deny(Denial { allow, reasons }))
    }
}

/// The members of a set or array of strings, in order; none of what is undefined.
fn strings(value: &Value) -> Option<Vec<String>> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.to_string()),
        _ => None,
    };
    match value {
        Value::Undefined => Some(Vec::new()),
        Value::Set(set) => set.iter().map(text).collect(),
        Value::Array(array) => array.iter().map(text).collect(),
        _ => None,
    }
}

fn lifetime(value: &Value) -> Result<Option<u64>, EvalError> {
    match value {
        Value::Undefined => Ok(None),
        Value::Number(_) => value
            .as_u64()
            .ok()
            .filter(|seconds| *seconds > 0)
            .map(Some)
            .ok_or(EvalError::LifetimeType),
        _ => Err(EvalError::LifetimeType),
    }
}
