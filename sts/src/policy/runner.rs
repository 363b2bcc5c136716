//! Compilation away from request threads, and evaluation as well until a policy has shown that it is
//! quick: a bounded number at a time, each of bounded length.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::Instant;

use super::document::InputDocument;
use super::engine::{self, Checked, CompiledPolicy};
use super::explain::{self, Explanation};
use super::outcome::{Decision, EvalError};
use super::suite::{self, SourceFile, SuiteReport};
use super::{Diagnostic, PolicyError};

/// The interpreter's clock is cooperative, so callers wait no longer than this.
const EVALUATION_PATIENCE: Duration = Duration::from_millis(250);

/// How long a check may take. Sources that pass the scan take milliseconds, the worst of them a
/// second on a busy machine.
const COMPILE_PATIENCE: Duration = Duration::from_secs(5);

/// How long a run of tests or an explanation may take.
const SUITE_PATIENCE: Duration = Duration::from_mins(1);

/// Evaluations at the same time; a run-away policy may hold this many threads and no more.
const PARALLEL_EVALUATIONS: usize = 16;

/// Compilations at the same time.
const PARALLEL_COMPILATIONS: usize = 2;

/// Stack of a compiler's thread. The deepest trees that the scan lets through need a fraction.
pub(super) const COMPILER_STACK: usize = 16 * 1024 * 1024;

/// Compiles and evaluates.
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
    /// Checks a source: everything that is found, and the policy that it is.
    pub async fn check(&self, source: Arc<str>) -> Result<Checked, PolicyError> {
        self.on_compiler(COMPILE_PATIENCE, move || engine::check(&source))
            .await
    }

    /// Compiles a source that has no errors.
    pub async fn compile(&self, source: Arc<str>) -> Result<CompiledPolicy, PolicyError> {
        let Checked {
            mut diagnostics,
            policy,
        } = self.check(source).await?;
        policy.ok_or_else(|| {
            diagnostics.retain(Diagnostic::is_error);
            PolicyError::Refused(diagnostics)
        })
    }

    /// Evaluates; every way of not coming to a decision is an error.
    ///
    /// A quick policy is evaluated where it is asked: to hand 50 us of work to another thread and to
    /// be woken when it is done costs 20 us. Should it be slow once, it holds this thread for as long
    /// as the interpreter lets it run ([`super::EVALUATION_LIMIT`] for each rule), and is handed over
    /// from then on.
    pub async fn evaluate(
        &self,
        policy: Arc<CompiledPolicy>,
        input: InputDocument,
    ) -> Result<Decision, EvalError> {
        if policy.pace().is_quick() {
            return timed(&policy, input);
        }
        let permits = Arc::clone(&self.evaluations);
        let evaluation = async {
            let permit = permits.acquire_owned().await.ok()?;
            tokio::task::spawn_blocking(move || held(permit, || timed(&policy, input)))
                .await
                .ok()
        };
        let evaluated = tokio::time::timeout(EVALUATION_PATIENCE, evaluation).await;
        evaluated.ok().flatten().unwrap_or(Err(EvalError::TimedOut))
    }

    /// Says step by step how a source decides on an input.
    pub async fn explain(
        &self,
        source: Arc<str>,
        input: String,
    ) -> Result<Explanation, PolicyError> {
        self.on_compiler(SUITE_PATIENCE, move || explain::explain(&source, &input))
            .await?
    }

    /// Runs the tests of some files.
    pub async fn test(&self, files: Vec<SourceFile>) -> Result<SuiteReport, PolicyError> {
        self.on_compiler(SUITE_PATIENCE, move || suite::run(&files))
            .await
    }

    /// Runs `work` on a thread of its own, with a stack of its own.
    async fn on_compiler<T: Send + 'static>(
        &self,
        patience: Duration,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PolicyError> {
        let permits = Arc::clone(&self.compilations);
        let compilation = async {
            let permit = permits.acquire_owned().await.ok()?;
            let (done, result) = oneshot::channel();
            let thread = std::thread::Builder::new()
                .name("policy-compiler".to_owned())
                .stack_size(COMPILER_STACK);
            // A thread that cannot be had or that panics drops `done`.
            thread
                .spawn(move || held(permit, || done.send(work()).is_ok()))
                .ok()?;
            Some(result.await)
        };
        match tokio::time::timeout(patience, compilation).await {
            Ok(Some(Ok(result))) => Ok(result),
            Ok(Some(Err(_)) | None) => Err(PolicyError::Failed),
            Err(_elapsed) => Err(PolicyError::TimedOut(patience)),
        }
    }
}

/// Evaluates and notes how long it took. A panic of the interpreter is an evaluation that failed, and
/// a reason to keep the policy away from here.
fn timed(policy: &CompiledPolicy, input: InputDocument) -> Result<Decision, EvalError> {
    let started = Instant::now();
    let decided = catch_unwind(AssertUnwindSafe(|| policy.evaluate(input)));
    let took = decided
        .as_ref()
        .map_or(Duration::MAX, |_| started.elapsed());
    policy.pace().took(took);
    decided.unwrap_or(Err(EvalError::Failed))
}

/// The permit goes with the work and not with the wait: a thread that runs on keeps its place.
fn held<T>(permit: OwnedSemaphorePermit, work: impl FnOnce() -> T) -> T {
    let result = work();
    drop(permit);
    result
}
