//! The interpreter, under our bounds.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use regorus::utils::limits::ExecutionTimerConfig;
use regorus::{Engine, Value};

use super::builtins;
use super::diagnostic::Diagnostic;
use super::document::InputDocument;
use super::lint::{self, Purpose};
use super::outcome::{Decision, EvalError, Results};
use super::pace::Pace;
use super::scan;
use super::tree::{File, Module};
use super::{EVALUATION_LIMIT, MAX_POLICY_BYTES, PolicyDigest};

/// The package of every policy.
pub(super) const PACKAGE: &str = "caracal.policy";

const FILE: &str = "policy.rego";
const ALLOW: &str = "data.caracal.policy.allow";

/// Work units between two looks at the clock.
const CHECK_INTERVAL: NonZeroU32 = NonZeroU32::new(16).unwrap();

/// What a check found, and the policy if nothing stands in its way.
#[derive(Debug)]
pub struct Checked {
    /// Findings, errors first.
    pub diagnostics: Vec<Diagnostic>,
    /// The policy that the source is.
    pub policy: Option<CompiledPolicy>,
}

/// A policy that is ready to be evaluated.
pub struct CompiledPolicy {
    engine: Engine,
    digest: PolicyDigest,
    has: Has,
    pace: Pace,
}

/// Which of the optional rules there are.
#[derive(Debug, Clone, Copy)]
struct Has {
    deny: bool,
    max_lifetime: bool,
    scopes: bool,
}

/// An engine with our functions and limits, and nothing in it.
pub(super) fn bounded(limit: Duration) -> Result<Engine, Diagnostic> {
    let mut engine = Engine::new();
    // A function that is given what it does not take ends the evaluation, and that is a no. OPA
    // would go on with undefined, which `not` makes true of.
    engine.set_strict_builtin_errors(true);
    engine.set_execution_timer_config(ExecutionTimerConfig {
        limit,
        check_interval: CHECK_INTERVAL,
    });
    builtins::install(&mut engine).map_err(|error| internal(&error))?;
    // Prints are gathered and dropped with the engine; otherwise they would go to stderr.
    engine.set_gather_prints(true);
    Ok(engine)
}

/// Adds a source that is within the parser's bounds, and hands out its tree.
pub(super) fn add(engine: &mut Engine, file: &str, source: &str) -> Result<Module, Diagnostic> {
    if source.len() > MAX_POLICY_BYTES {
        return Err(Diagnostic::error(
            "too_long",
            (1, 1),
            format!(
                "the source has {} bytes, more than {MAX_POLICY_BYTES}",
                source.len()
            ),
            "shorten it; what differs from request to request belongs into grants",
        ));
    }
    scan::check(source)?;
    engine
        .add_policy(file.to_owned(), source.to_owned())
        .map_err(|error| Diagnostic::from_compiler(&error.to_string()))?;
    let json = engine.get_ast_as_json().map_err(|error| internal(&error))?;
    let files: Vec<File> = serde_json::from_str(&json).map_err(|error| {
        if error.to_string().starts_with("recursion limit") {
            Diagnostic::error(
                "too_nested",
                (1, 1),
                "an expression is nested too deep",
                "name the inner parts in rules of their own",
            )
        } else {
            internal(&error)
        }
    })?;
    // The newest module comes last.
    let module = files.into_iter().next_back();
    let module = module.ok_or_else(|| internal(&"there is no tree"))?;
    Ok(module.ast)
}

fn internal(error: &dyn fmt::Display) -> Diagnostic {
    Diagnostic::error(
        "internal",
        (1, 1),
        format!("the interpreter refused: {error}"),
        "report this with the policy",
    )
}

/// Checks a source. Blocking, and recursive to a bounded depth.
pub(super) fn check(source: &str) -> Checked {
    let refused = |diagnostic| Checked {
        diagnostics: vec![diagnostic],
        policy: None,
    };
    let mut engine = match bounded(EVALUATION_LIMIT) {
        Ok(engine) => engine,
        Err(wrong) => return refused(wrong),
    };
    let module = match add(&mut engine, FILE, source) {
        Ok(module) => module,
        Err(wrong) => return refused(wrong),
    };
    let mut diagnostics = lint::check(&module, source, Purpose::Policy);
    if diagnostics.iter().any(Diagnostic::is_error) {
        return Checked {
            diagnostics,
            policy: None,
        };
    }
    // Analyses the whole module (unsafe variables, recursion); the clones that evaluate later share
    // the result.
    if let Err(error) = engine.compile_with_entrypoint(&ALLOW.into()) {
        diagnostics.insert(0, Diagnostic::from_compiler(&error.to_string()));
        return Checked {
            diagnostics,
            policy: None,
        };
    }
    engine.set_gather_prints(true);
    let has = |rule: &str| engine.has_declared_rule_rooted_at(FILE, rule);
    let has = Has {
        deny: has("deny").unwrap_or(true),
        max_lifetime: has("max_lifetime").unwrap_or(true),
        scopes: has("scopes").unwrap_or(true),
    };
    let policy = CompiledPolicy {
        engine,
        digest: PolicyDigest::of(source),
        has,
        pace: Pace::default(),
    };
    trial(&policy, &mut diagnostics);
    let is_refused = diagnostics.iter().any(Diagnostic::is_error);
    Checked {
        diagnostics,
        policy: (!is_refused).then_some(policy),
    }
}

/// One evaluation against a sample: what is of the wrong type there would be so for a request.
fn trial(policy: &CompiledPolicy, diagnostics: &mut Vec<Diagnostic>) {
    match policy.evaluate(InputDocument::from(&super::input::sample())) {
        Ok(_) | Err(EvalError::TimedOut) => {}
        Err(EvalError::Failed) => diagnostics.push(Diagnostic::warning(
            "trial",
            (1, 1),
            "against a sample request the evaluation fails, which is a no",
            "see `caracal policy explain`: a function gets what it does not take, or rules disagree",
        )),
        Err(
            wrong @ (EvalError::AllowType
            | EvalError::DenyType
            | EvalError::LifetimeType
            | EvalError::ScopesType),
        ) => diagnostics.insert(
            0,
            Diagnostic::error(
                "result_shape",
                (1, 1),
                format!("against a sample request {wrong}"),
                "docs/policy.md says what a policy answers with",
            ),
        ),
    }
}

impl CompiledPolicy {
    /// Digest of the source.
    #[must_use]
    pub const fn digest(&self) -> &PolicyDigest {
        &self.digest
    }

    /// How quick it has been.
    pub(super) const fn pace(&self) -> &Pace {
        &self.pace
    }

    /// Evaluates against an input document. Blocking.
    pub(super) fn evaluate(&self, input: InputDocument) -> Result<Decision, EvalError> {
        let mut engine = self.with_input(input);
        let mut rule = |name: &str, is_there: bool| {
            if is_there {
                value(&mut engine, &format!("data.{PACKAGE}.{name}"))
            } else {
                Ok(Value::Undefined)
            }
        };
        let results = Results {
            deny: rule("deny", self.has.deny)?,
            allow: rule("allow", true)?,
            max_lifetime: rule("max_lifetime", self.has.max_lifetime)?,
            scopes: rule("scopes", self.has.scopes)?,
        };
        results.decide()
    }

    /// The value of one rule in JSON, `None` if it is undefined. Blocking.
    pub fn rule_json(&self, rule: &str, input: &str) -> Result<Option<String>, EvalError> {
        let mut engine = self.with_input(InputDocument::from_json(input)?);
        match value(&mut engine, &format!("data.{PACKAGE}.{rule}"))? {
            Value::Undefined => Ok(None),
            value => value.to_json_str().map(Some).map_err(|_| EvalError::Failed),
        }
    }

    fn with_input(&self, input: InputDocument) -> Engine {
        let mut engine = self.engine.clone();
        engine.set_input(input.0);
        engine
    }
}

/// The value of a rule.
pub(super) fn value(engine: &mut Engine, path: &str) -> Result<Value, EvalError> {
    engine.eval_rule(path.to_owned()).map_err(|error| {
        // The library has one error type; its text is how a run over time is known.
        if error.to_string().contains("time limit") {
            EvalError::TimedOut
        } else {
            EvalError::Failed
        }
    })
}

impl fmt::Debug for CompiledPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CompiledPolicy").field(&self.digest).finish()
    }
}
