//! The zone's policy: Rego v1 in the package `caracal.policy`.
//!
//! A policy sees the input document of [`PolicyInput`] and nothing else: no data, no network. It
//! answers with three rules:
//!
//! - `allow`: must be exactly `true`. Undefined or `false` is a no.
//! - `deny`: a set (or array) of strings. Anything in it is a no, whatever `allow` says.
//! - `max_lifetime`: whole seconds, at least 1. It only ever shortens a mandate.
//!
//! Anything else (another type, an error, a run over time) is a no as well, with another reason.

mod engine;
mod input;
mod nesting;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

pub use engine::{CompiledPolicy, Decision, EvalError};
pub use input::{
    ApplicationInput, GrantInput, OperationInput, PolicyInput, RequestInput, ResourceInput,
};

/// Longest source in bytes.
pub const MAX_POLICY_BYTES: usize = 64 * 1024;

/// How long one evaluation may take; the interpreter looks at the clock itself.
pub(crate) const EVALUATION_LIMIT: Duration = Duration::from_millis(50);

/// The interpreter's clock is cooperative, so callers wait no longer than this.
const EVALUATION_PATIENCE: Duration = Duration::from_millis(250);

/// How long a check may take. Sources that pass the lints take milliseconds.
const COMPILE_PATIENCE: Duration = Duration::from_secs(2);

/// Evaluations at the same time; a run-away policy may hold this many threads and no more.
const PARALLEL_EVALUATIONS: usize = 16;

/// Compilations at the same time.
const PARALLEL_COMPILATIONS: usize = 2;

/// Why a source cannot become a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Longer than [`MAX_POLICY_BYTES`].
    #[error("the policy has {0} bytes, more than {MAX_POLICY_BYTES}")]
    TooLong(usize),
    /// Brackets nested so deep that parsing would not end in useful time.
    #[error(
        "line {line}: brackets are nested deeper than {max}; name the inner parts in rules of their own"
    )]
    TooNested {
        /// Line, from 1.
        line: usize,
        /// The limit.
        max: usize,
    },
    /// Another package.
    #[error("the package is {0:?}; it must be caracal.policy")]
    Package(String),
    /// No rule `allow`.
    #[error("the policy has no rule `allow`, so it could never allow anything")]
    NoAllow,
    /// Does not compile; the text is the compiler's.
    #[error("the policy does not compile: {0}")]
    Invalid(String),
    /// Took too long to compile.
    #[error("the policy took longer than {} ms to compile", COMPILE_PATIENCE.as_millis())]
    TimedOut,
}

/// `sha256:` and the hex digest of a source: the name of a policy version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyDigest(Box<str>);

impl PolicyDigest {
    /// The digest of a source.
    #[must_use]
    pub fn of(source: &str) -> Self {
        use std::fmt::Write as _;
        let mut text = String::from("sha256:");
        for byte in Sha256::digest(source) {
            // Writing to a String cannot fail.
            let _infallible = write!(text, "{byte:02x}");
        }
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for PolicyDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Compiles and evaluates away from request threads, a bounded number at a time.
#[derive(Debug)]
pub struct PolicyRunner {
    evaluations: Arc<Semaphore>,
    compilations: Arc<Semaphore>,
}

impl Default for PolicyRunner {
    fn default() -> Self {
        Self {
            evaluations: Arc::new(Semaphore::new(PARALLEL_EVALUATIONS)),
            compilations: Arc::new(Semaphore::new(PARALLEL_COMPILATIONS)),
        }
    }
}

impl PolicyRunner {
    /// Checks and compiles a source.
    pub async fn compile(&self, source: Arc<str>) -> Result<CompiledPolicy, PolicyError> {
        // The cheap lints first: they keep the compiler from what it cannot bear.
        if source.len() > MAX_POLICY_BYTES {
            return Err(PolicyError::TooLong(source.len()));
        }
        nesting::check(&source)?;
        let permits = Arc::clone(&self.compilations);
        let compiled = run(permits, COMPILE_PATIENCE, move || {
            CompiledPolicy::compile(&source)
        });
        compiled.await.unwrap_or(Err(PolicyError::TimedOut))
    }

    /// Evaluates; every way of not coming to a decision is an error.
    pub async fn evaluate(
        &self,
        policy: Arc<CompiledPolicy>,
        input: String,
    ) -> Result<Decision, EvalError> {
        let permits = Arc::clone(&self.evaluations);
        let evaluated = run(permits, EVALUATION_PATIENCE, move || {
            policy.evaluate(&input)
        });
        evaluated.await.unwrap_or(Err(EvalError::TimedOut))
    }
}

/// Runs `work` on a blocking thread; `None` when it did not end in time or panicked. The permit
/// goes with the work and not with the wait: a thread that runs on keeps its place.
async fn run<T: Send + 'static>(
    permits: Arc<Semaphore>,
    patience: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let bounded = async {
        let permit = permits.acquire_owned().await.ok()?;
        tokio::task::spawn_blocking(move || {
            let result = work();
            drop(permit);
            result
        })
        .await
        .ok()
    };
    tokio::time::timeout(patience, bounded).await.ok().flatten()
}
