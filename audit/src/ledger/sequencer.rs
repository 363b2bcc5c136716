//! The sequencer: the one writer of the logs.

mod batch;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::SqlitePool;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::append::{AppendError, Request};
use super::publisher::{PublishError, Publisher};
use super::state::LogState;
use super::{Clock, Command};
use batch::{BatchError, Known};

/// Submissions after which a transaction takes no further request.
const BATCH_LIMIT: usize = 256;
/// Shortest time between two checkpoints of one log.
const PUBLISH_EVERY: Duration = Duration::from_secs(1);

/// Whether the sequencer goes on.
#[derive(PartialEq, Eq)]
enum Next {
    Continue,
    Stop,
}

pub(super) struct Sequencer {
    pool: SqlitePool,
    known: Known,
    publisher: Publisher,
    clock: Arc<dyn Clock>,
}

impl Sequencer {
    pub(super) fn new(
        pool: SqlitePool,
        logs: HashMap<String, LogState>,
        publisher: Publisher,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let known = Known {
            logs,
            ..Known::default()
        };
        Self {
            pool,
            known,
            publisher,
            clock,
        }
    }

    /// Works until the last handle is gone, a close is asked for, or a race is lost.
    pub(super) async fn run(mut self, mut inbox: mpsc::Receiver<Command>) {
        let mut closing = None;
        let mut ticks = interval_at(Instant::now(), PUBLISH_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let next = tokio::select! {
                // Ticks first: they are rare, and a steady stream of events must not starve them.
                biased;
                _ = ticks.tick() => self.publish().await,
                command = inbox.recv() => match command {
                    None => Next::Stop,
                    Some(Command::Close(done)) => {
                        // What is queued is still taken; then `recv` returns `None`.
                        inbox.close();
                        closing = Some(done);
                        Next::Continue
                    }
                    Some(Command::Append(request)) => {
                        let (requests, close) = drain(request, &mut inbox);
                        if let Some(done) = close {
                            inbox.close();
                            closing = Some(done);
                        }
                        self.append(requests).await
                    }
                },
            };
            if next == Next::Stop {
                break;
            }
        }
        self.publish().await;
        self.pool.close().await;
        if let Some(done) = closing {
            // Nobody waits any more: fine.
            let _ignored = done.send(());
        }
    }

    async fn publish(&mut self) -> Next {
        match self.publisher.publish(&self.pool, &self.known.logs).await {
            Ok(()) => Next::Continue,
            Err(error @ PublishError::Storage(_)) => {
                tracing::warn!(error = %chain(&error), "no checkpoint was published, will try again");
                Next::Continue
            }
            Err(error @ PublishError::Fenced(_)) => {
                tracing::error!(%error, "the sequencer stops");
                Next::Stop
            }
        }
    }

    /// Writes requests in one transaction, and again without those that can never be written.
    async fn append(&mut self, mut requests: Vec<Request>) -> Next {
        while !requests.is_empty() {
            let result =
                batch::write(&self.pool, &mut self.known, &requests, self.clock.unix_ms()).await;
            let (error, next) = match result {
                Ok(positions) => {
                    for (request, positions) in requests.drain(..).zip(positions) {
                        // A producer that went away will submit again, and be told the same.
                        let _ignored = request.reply.send(Ok(positions));
                    }
                    return Next::Continue;
                }
                Err(BatchError::Rejected {
                    request,
                    index,
                    rejection,
                }) => {
                    if request < requests.len() {
                        let refused = requests.remove(request);
                        let error = AppendError::Rejected { index, rejection };
                        let _ignored = refused.reply.send(Err(error));
                    }
                    continue;
                }
                Err(BatchError::Fenced(zone)) => {
                    tracing::error!(%zone, "the log was changed by somebody else; the sequencer stops");
                    (AppendError::Fenced { zone }, Next::Stop)
                }
                Err(BatchError::Storage(error)) => {
                    tracing::error!(error = %chain(&error), "events could not be written");
                    (AppendError::Storage(Arc::new(error)), Next::Continue)
                }
            };
            for request in requests.drain(..) {
                let _ignored = request.reply.send(Err(error.clone()));
            }
            return next;
        }
        Next::Continue
    }
}

/// Takes what else is waiting, up to the size of a batch: the slower the disk, the larger the batch.
fn drain(
    first: Request,
    inbox: &mut mpsc::Receiver<Command>,
) -> (Vec<Request>, Option<oneshot::Sender<()>>) {
    let mut count = first.submissions.len();
    let mut requests = vec![first];
    while count < BATCH_LIMIT {
        match inbox.try_recv() {
            Ok(Command::Append(request)) => {
                count = count.saturating_add(request.submissions.len());
                requests.push(request);
            }
            Ok(Command::Close(done)) => return (requests, Some(done)),
            Err(_) => break,
        }
    }
    (requests, None)
}

/// An error with its causes on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
