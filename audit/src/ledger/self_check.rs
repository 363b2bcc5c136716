//! The ledger checks itself for as long as it runs, beside the sequencer and in its way as little as
//! anybody who reads.
//!
//! ```text
//! step ──▶ ends  what was appended since the last look: against the tree in memory, checkpoints, state
//!     └──▶ pass  a slice of the way from the first entry of every zone to its newest checkpoint
//!             └─ both: reader ──▶ verify::{entry, checkpoints, walk, tree} ──▶ board ──▶ readiness
//! ```
//!
//! What is judged is judged by the code of the offline verifier. Left to that are the numbers of the
//! emitters, cosignatures, and what only a checkpoint that was kept elsewhere can show.

mod board;
mod checker;
mod end;
mod pass;
mod reader;
mod status;
mod stretch;
#[cfg(test)]
mod tests;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use board::Board;
pub(super) use checker::Checker;
pub use status::SelfCheckStatus;

/// How often is looked for new entries when there is nothing else to do.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Between two whole passes.
const REST: Duration = Duration::from_secs(15);
/// A step is followed by so many times its own duration of rest: at most a twentieth of the time is
/// spent here, waiting for the database included.
const REST_FOR_WORK: u32 = 19;
/// Shortest rest: opening a connection for each step is to stay a small part of it.
const SHORTEST: Duration = Duration::from_millis(100);
/// How long a step may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running check. It ends with this value.
pub(super) struct SelfCheck {
    board: Board,
    running: Mutex<Option<Running>>,
    #[cfg(test)]
    trees: super::known::Trees,
}

struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl SelfCheck {
    /// Starts it.
    pub(super) fn start(checker: Checker) -> Self {
        let board = checker.board();
        #[cfg(test)]
        let trees = checker.trees();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(run(checker, stopped));
        Self {
            board,
            running: Mutex::new(Some(Running { stop, task })),
            #[cfg(test)]
            trees,
        }
    }

    pub(super) fn status(&self) -> SelfCheckStatus {
        self.board.status()
    }

    /// Ends it, and waits until it has given back its connection.
    pub(super) async fn stop(&self) {
        let running = {
            let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            running.take()
        };
        if let Some(Running { stop, task }) = running {
            drop(stop);
            if let Err(error) = task.await {
                tracing::error!(%error, "the ledger's check of itself did not end well");
            }
        }
    }
}

/// Checks until the other end of `stopped` is gone.
async fn run(mut checker: Checker, mut stopped: oneshot::Receiver<()>) {
    let mut rest = LOOK_EVERY;
    let mut last_pass: Option<Instant> = None;
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            () = sleep(rest) => {}
        }
        let began = Instant::now();
        let passing = last_pass.is_none_or(|last| began.duration_since(last) >= REST);
        let step = tokio::select! {
            _ = &mut stopped => break,
            step = timeout(PATIENCE, checker.step(passing)) => step,
        };
        let Ok(step) = step else {
            checker.gave_no_answer();
            rest = LOOK_EVERY;
            continue;
        };
        if step.passed {
            last_pass = Some(Instant::now());
        }
        rest = if step.behind || (passing && !step.passed) {
            let work = began.elapsed();
            work.saturating_mul(REST_FOR_WORK)
                .clamp(SHORTEST, LOOK_EVERY)
        } else {
            LOOK_EVERY
        };
    }
    checker.close().await;
}
