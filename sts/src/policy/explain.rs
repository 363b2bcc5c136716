//! Why a policy decides as it does: which body of which rule ended at which step, and what that step
//! saw.

use std::collections::{BTreeSet, VecDeque};

use regorus::{Engine, Value};
use serde::Serialize;
use serde_json::Value as Json;

use super::document::InputDocument;
use super::engine::{self, PACKAGE, add, bounded};
use super::instrument::{Probed, instrument};
use super::outcome::Decision;
use super::schema::INPUT;
use super::tree::{Expr, Module, Reference, Statement, Step};
use super::walk::{self, Visitor};
use super::{Diagnostic, EVALUATION_LIMIT, PolicyError};

/// Most rules that are told about.
const MAX_RULES: usize = 50;

/// How a source decides on an input.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// Digest of the source.
    pub policy: String,
    /// The decision, by the way that the token service takes.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// Why there is none, which is a no.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// The rules that make the answer, then those that they rest on and that hold nothing.
    pub rules: Vec<RuleTrace>,
}

/// One rule.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct RuleTrace {
    /// Name.
    pub name: String,
    /// Its value, absent when undefined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Json>,
    /// Why it has none, when that is an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Its bodies, in the order in which they stand.
    pub bodies: Vec<BodyTrace>,
}

/// One body of a rule.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct BodyTrace {
    /// Line.
    pub line: u32,
    /// Where it ended; absent when all of it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<StepTrace>,
}

/// The step at which a body ended.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct StepTrace {
    /// Line.
    pub line: u32,
    /// Column.
    pub column: u32,
    /// The step as it is written.
    pub text: String,
    /// What it looked at.
    pub saw: Vec<Seen>,
}

/// A value that a step looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// What it is called in the policy.
    pub name: String,
    /// Its value, absent when undefined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Json>,
}

/// Explains. Blocking.
pub(super) fn explain(source: &str, input: &str) -> Result<Explanation, PolicyError> {
    let refused = |wrong: Diagnostic| PolicyError::Refused(vec![wrong]);
    let checked = engine::check(source);
    let Some(policy) = checked.policy else {
        let errors = checked.diagnostics.into_iter();
        return Err(PolicyError::Refused(
            errors.filter(Diagnostic::is_error).collect(),
        ));
    };
    let document: Json =
        serde_json::from_str(input).map_err(|error| PolicyError::Input(error.to_string()))?;
    INPUT
        .accepts("input", &document)
        .map_err(|wrong| PolicyError::Input(format!("{}; {}", wrong.message, wrong.help)))?;
    let decided = InputDocument::from_json(input).and_then(|input| policy.evaluate(input));
    let (decision, failure) = match decided {
        Ok(decision) => (Some(decision), None),
        Err(error) => (None, Some(error.to_string())),
    };
    let mut reader = bounded(EVALUATION_LIMIT).map_err(refused)?;
    let module = add(&mut reader, "policy.rego", source).map_err(refused)?;
    let (text, probed) = instrument(&module, source);
    let mut engine = bounded(EVALUATION_LIMIT).map_err(refused)?;
    engine
        .add_policy("policy.rego".to_owned(), text)
        .map_err(|error| refused(Diagnostic::from_compiler(&error.to_string())))?;
    engine.set_input(
        Value::from_json_str(input).map_err(|error| PolicyError::Input(error.to_string()))?,
    );
    let mut tracer = Tracer {
        source,
        input: &document,
        rules: rules(&module),
        probed: &probed,
        engine,
    };
    Ok(Explanation {
        policy: policy.digest().as_str().to_owned(),
        decision,
        failure,
        rules: tracer.trace(),
    })
}

/// Names of the rules that have a value of their own.
fn rules(module: &Module) -> BTreeSet<&str> {
    let heads = module.rules.iter().filter_map(|rule| match rule {
        super::tree::Rule::Spec {
            head: super::tree::Head::Func { .. },
            ..
        } => None,
        super::tree::Rule::Spec { head, .. } => head.refr().reference(),
        super::tree::Rule::Default { refr, args, .. } => {
            refr.reference().filter(|_| args.is_empty())
        }
    });
    heads.map(|head| head.root).collect()
}

struct Tracer<'a> {
    source: &'a str,
    input: &'a Json,
    rules: BTreeSet<&'a str>,
    probed: &'a [Probed<'a>],
    engine: Engine,
}

impl Tracer<'_> {
    /// The rules of the answer first, then what the steps that ended them rest on.
    fn trace(&mut self) -> Vec<RuleTrace> {
        let results = ["deny", "allow", "max_lifetime", "scopes"].into_iter();
        let mut waiting: VecDeque<String> = results
            .filter(|name| self.rules.contains(name))
            .map(str::to_owned)
            .collect();
        let mut told = BTreeSet::new();
        let mut traces = Vec::new();
        while let Some(name) = waiting.pop_front() {
            if traces.len() >= MAX_RULES || !told.insert(name.clone()) {
                continue;
            }
            let trace = self.rule(name);
            let steps = trace.bodies.iter().filter_map(|body| body.stopped.as_ref());
            for seen in steps.flat_map(|step| &step.saw) {
                if self.rules.contains(seen.name.as_str()) {
                    waiting.push_back(seen.name.clone());
                }
            }
            traces.push(trace);
        }
        traces
    }

    fn rule(&mut self, name: String) -> RuleTrace {
        let (value, error) = match self.value(&name) {
            Ok(value) => (value, None),
            Err(error) => (None, Some(error)),
        };
        let probed = self.probed;
        let bodies = probed.iter().filter(|body| body.rule == name);
        let bodies = bodies.map(|body| BodyTrace {
            line: body.line,
            stopped: self.stopped(body),
        });
        RuleTrace {
            value,
            error,
            bodies: bodies.collect(),
            name,
        }
    }

    /// The first step whose rule does not hold.
    fn stopped(&mut self, body: &Probed<'_>) -> Option<StepTrace> {
        let (statement, _) = body
            .steps
            .iter()
            .find(|(_, rule)| !matches!(self.value(rule), Ok(Some(Json::Bool(true)))))?;
        Some(StepTrace {
            line: statement.span.line,
            column: statement.span.col,
            text: statement.span.statement(self.source).to_owned(),
            saw: self.saw(statement),
        })
    }

    fn saw(&mut self, statement: &Statement) -> Vec<Seen> {
        let mut names = Names::default();
        walk::statement(statement, &mut names);
        let mut saw: Vec<Seen> = Vec::new();
        for path in names.0 {
            if saw.iter().any(|seen| seen.name == path) {
                continue;
            }
            let own = path.strip_prefix("data.caracal.policy.").unwrap_or(&path);
            let root = own.split('.').next().unwrap_or_default();
            let value = if root == "input" {
                lookup(self.input, own)
            } else if self.rules.contains(root) {
                self.value(root).ok().flatten()
            } else {
                continue;
            };
            let name = if root == "input" { own } else { root };
            saw.push(Seen {
                name: name.to_owned(),
                value,
            });
        }
        saw
    }

    fn value(&mut self, rule: &str) -> Result<Option<Json>, String> {
        let path = format!("data.{PACKAGE}.{rule}");
        match self.engine.eval_rule(path) {
            Ok(Value::Undefined) => Ok(None),
            Ok(value) => value
                .to_json_str()
                .ok()
                .and_then(|json| serde_json::from_str(&json).ok())
                .map(Some)
                .ok_or_else(|| "the value is no JSON".to_owned()),
            Err(error) => Err(Diagnostic::from_compiler(&error.to_string()).message),
        }
    }
}

/// A member of the input by its path.
fn lookup(input: &Json, path: &str) -> Option<Json> {
    let mut members = path.split('.').skip(1);
    members
        .try_fold(input, |value, member| value.get(member))
        .cloned()
}

/// The longest paths of names that a statement mentions.
#[derive(Default)]
struct Names(Vec<String>);

impl Visitor for Names {
    fn expr(&mut self, expr: &Expr) -> bool {
        match expr {
            Expr::Call { params, .. } => {
                for param in params {
                    walk::expr(param, self);
                }
                false
            }
            _ => match expr.reference() {
                Some(reference) => {
                    self.0.push(named(&reference));
                    for step in reference.steps {
                        if let Step::Index(index) = step {
                            walk::expr(index, self);
                        }
                    }
                    false
                }
                None => true,
            },
        }
    }
}

/// The path up to the first step that is no name.
fn named(reference: &Reference<'_>) -> String {
    let mut path = reference.root.to_owned();
    for step in &reference.steps {
        let Step::Name(name, _) = step else { break };
        path.push('.');
        path.push_str(name);
    }
    path
}
