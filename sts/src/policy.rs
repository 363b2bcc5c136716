//! The zone's policy: Rego v1 in the package `caracal.policy`.
//!
//! A policy sees the input document of [`PolicyInput`] and nothing else: no data, no network, no clock.
//! It answers with four rules:
//!
//! - `allow`: must be exactly `true`. Undefined or `false` is a no.
//! - `deny`: a set (or array) of strings. Anything in it is a no, whatever `allow` says.
//! - `max_lifetime`: whole seconds, at least 1. It only ever shortens a mandate.
//! - `scopes`: a set (or array) of strings. Nothing outside of it is issued.
//!
//! Anything else (another type, an error, a run over time) is a no as well, with another reason.
//!
//! ```text
//! source -> scan -> parser -> tree -> lint -> compiler -> CompiledPolicy -> Decision
//!           depth, work      JSON     names, calls,        bounded          every error
//!                                     shapes of results    evaluation       is a no
//! ```

mod builtins;
mod diagnostic;
mod digest;
mod document;
mod engine;
mod explain;
mod input;
mod instrument;
#[cfg(any(test, fuzzing))]
pub(crate) mod law;
mod lint;
mod outcome;
mod pace;
mod runner;
mod scan;
mod schema;
mod suggest;
mod suite;
#[cfg(test)]
mod tests;
mod tree;
mod walk;
mod workbench;

use std::time::Duration;

pub use diagnostic::{Diagnostic, Severity};
pub use digest::PolicyDigest;
pub use document::InputDocument;
pub use engine::{Checked, CompiledPolicy};
pub use explain::{BodyTrace, Explanation, RuleTrace, Seen, StepTrace};
pub use input::{
    ApplicationInput, GrantInput, OperationInput, PolicyInput, RequestInput, ResourceInput,
    SessionInput, SubjectInput,
};
pub use outcome::{Answer, Decision, Denial, EvalError, Narrowing};
pub use runner::PolicyRunner;
pub use suite::{CaseOutcome, CaseReport, SourceFile, SuiteReport};
#[doc(hidden)]
pub use workbench::Workbench;

/// Longest source in bytes.
pub const MAX_POLICY_BYTES: usize = 64 * 1024;

/// How long the evaluation of one rule may take; the interpreter looks at the clock itself.
pub(crate) const EVALUATION_LIMIT: Duration = Duration::from_millis(50);

/// Why a source cannot become a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// It has errors, each with its place.
    #[error("{}", listed(.0))]
    Refused(Vec<Diagnostic>),
    /// The input document has members that no request's has.
    #[error("the input: {0}")]
    Input(String),
    /// Took too long.
    #[error("the policy took longer than {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// The compiler came to no end of its own.
    #[error("the compiler failed on the policy")]
    Failed,
}

fn listed(diagnostics: &[Diagnostic]) -> String {
    let lines: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
    lines.join("\n")
}
