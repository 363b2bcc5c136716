//! The Rego interpreter, behind the three rules that are asked of it.

use std::fmt;
use std::num::NonZeroU32;

use regorus::utils::limits::ExecutionTimerConfig;
use regorus::{Engine, Value};

use super::{EVALUATION_LIMIT, PolicyDigest, PolicyError};

const FILE: &str = "policy.rego";
const PACKAGE: &str = "data.caracal.policy";
const ALLOW: &str = "data.caracal.policy.allow";
const DENY: &str = "data.caracal.policy.deny";
const MAX_LIFETIME: &str = "data.caracal.policy.max_lifetime";

/// Work units between two looks at the clock.
const CHECK_INTERVAL: NonZeroU32 = NonZeroU32::new(16).unwrap();

/// Most elements of a range.
const MAX_RANGE: i64 = 10_000;

/// Most denial reasons that are kept, and how much of each.
const MAX_DENIALS: usize = 8;
const MAX_DENIAL_CHARS: usize = 128;

/// What a policy says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Yes, for at most so many seconds.
    Allow {
        /// `max_lifetime`, if the policy has it.
        max_lifetime: Option<u64>,
    },
    /// No.
    Deny {
        /// The members of `deny`, sorted and shortened.
        reasons: Vec<String>,
    },
}

/// Why there is no decision. Without the interpreter's text, which may quote the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// The interpreter stopped with an error, its own time limit included.
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
}

/// A policy that is ready to be evaluated.
pub struct CompiledPolicy {
    engine: Engine,
    digest: PolicyDigest,
    has_deny: bool,
    has_max_lifetime: bool,
}

impl CompiledPolicy {
    /// Compiles a source that passed the lints. Blocking.
    pub(super) fn compile(source: &str) -> Result<Self, PolicyError> {
        let invalid = |error: &dyn fmt::Display| PolicyError::Invalid(error.to_string());
        let mut engine = Engine::new();
        engine.set_strict_builtin_errors(true);
        engine.set_execution_timer_config(ExecutionTimerConfig {
            limit: EVALUATION_LIMIT,
            check_interval: CHECK_INTERVAL,
        });
        // The built-in allocates the whole range before the timer gets a look.
        engine
            .add_extension(
                "numbers.range".to_owned(),
                2,
                Box::new(|args: Vec<Value>| Ok(range(&args)?)),
            )
            .map_err(|error| invalid(&error))?;
        let package = engine
            .add_policy(FILE.to_owned(), source.to_owned())
            .map_err(|error| invalid(&error))?;
        if package != PACKAGE {
            return Err(PolicyError::Package(
                package.trim_start_matches("data.").to_owned(),
            ));
        }
        let has = |rule: &str| {
            engine
                .has_declared_rule_rooted_at(FILE, rule)
                .map_err(|error| invalid(&error))
        };
        let (has_allow, has_deny, has_max_lifetime) =
            (has("allow")?, has("deny")?, has("max_lifetime")?);
        if !has_allow {
            return Err(PolicyError::NoAllow);
        }
        // Analyses the whole module (unsafe variables, recursion); the clones that evaluate later
        // share the result.
        engine
            .compile_with_entrypoint(&ALLOW.into())
            .map_err(|error| invalid(&error))?;
        // Prints are gathered and dropped with the clone; otherwise they would go to stderr.
        engine.set_gather_prints(true);
        Ok(Self {
            engine,
            digest: PolicyDigest::of(source),
            has_deny,
            has_max_lifetime,
        })
    }

    /// Digest of the source.
    #[must_use]
    pub const fn digest(&self) -> &PolicyDigest {
        &self.digest
    }

    /// Evaluates against an input document in JSON. Blocking.
    pub(super) fn evaluate(&self, input: &str) -> Result<Decision, EvalError> {
        let mut engine = self.engine.clone();
        engine.set_input(Value::from_json_str(input).map_err(|_| EvalError::Failed)?);
        let mut rule = |path: &str| {
            engine
                .eval_rule(path.to_owned())
                .map_err(|_| EvalError::Failed)
        };
        let reasons = if self.has_deny {
            denials(&rule(DENY)?)?
        } else {
            Vec::new()
        };
        let allow = match rule(ALLOW)? {
            Value::Bool(allow) => allow,
            Value::Undefined => false,
            _ => return Err(EvalError::AllowType),
        };
        let max_lifetime = if self.has_max_lifetime {
            lifetime(&rule(MAX_LIFETIME)?)?
        } else {
            None
        };
        Ok(if allow && reasons.is_empty() {
            Decision::Allow { max_lifetime }
        } else {
            Decision::Deny { reasons }
        })
    }
}

impl fmt::Debug for CompiledPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CompiledPolicy").field(&self.digest).finish()
    }
}

/// Every member of `deny` counts, even an empty string: the policy named a ground for refusal.
fn denials(value: &Value) -> Result<Vec<String>, EvalError> {
    let text = |value: &Value| match value {
        Value::String(text) => Ok(text.chars().take(MAX_DENIAL_CHARS).collect()),
        _ => Err(EvalError::DenyType),
    };
    let mut reasons: Vec<String> = match value {
        Value::Undefined => Vec::new(),
        Value::Set(set) => set.iter().map(text).collect::<Result<_, _>>()?,
        Value::Array(array) => array.iter().map(text).collect::<Result<_, _>>()?,
        _ => return Err(EvalError::DenyType),
    };
    reasons.truncate(MAX_DENIALS);
    Ok(reasons)
}

fn lifetime(value: &Value) -> Result<Option<u64>, EvalError> {
    match value {
        Value::Undefined => Ok(None),
        Value::Number(_) => {
            let seconds = value.as_u64().map_err(|_| EvalError::LifetimeType)?;
            if seconds == 0 {
                Err(EvalError::LifetimeType)
            } else {
                Ok(Some(seconds))
            }
        }
        _ => Err(EvalError::LifetimeType),
    }
}

/// A range that is not what the capped `numbers.range` takes.
#[derive(Debug, thiserror::Error)]
#[error("numbers.range takes two whole numbers at most {MAX_RANGE} apart")]
struct RangeError;

fn range(args: &[Value]) -> Result<Value, RangeError> {
    let [from, to] = args else {
        return Err(RangeError);
    };
    let from = from.as_i64().map_err(|_| RangeError)?;
    let to = to.as_i64().map_err(|_| RangeError)?;
    if from
        .checked_sub(to)
        .and_then(i64::checked_abs)
        .is_none_or(|count| count >= MAX_RANGE)
    {
        return Err(RangeError);
    }
    let numbers: Vec<Value> = if from <= to {
        (from..=to).map(Value::from).collect()
    } else {
        (to..=from).rev().map(Value::from).collect()
    };
    Ok(Value::from(numbers))
}
