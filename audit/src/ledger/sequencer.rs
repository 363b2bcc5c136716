//! The sequencer: the one writer of the logs.

mod batch;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use super::append::{AppendError, Request};
use super::growth::Bells;
use super::known::{FollowError, KnownLogs};
use super::publisher::Publisher;
use super::storage::Writer;
use super::{Clock, Command, Position};
use crate::causes::with_causes;
use batch::{BatchError, Known};

/// Submissions after which a transaction takes no further request. Those of all wait for the slowest, which
/// at this size is some 20 ms.
const BATCH_LIMIT: usize = 1024;
/// How often other tasks are let go first before a transaction begins.
const COURTESIES: usize = 8;
/// Shortest time between two checkpoints of one log.
const PUBLISH_EVERY: Duration = Duration::from_secs(1);

/// How long a transaction may take. A connection that hangs is given up, as one is that had an error: a
/// full disk makes `SQLite` end the transaction by itself, the driver still counts it, and each further one
/// would fail. What it was in the middle of shows in the database, when the next one has the turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether the sequencer goes on.
#[derive(PartialEq, Eq)]
enum Next {
    Continue,
    Stop,
}

pub(super) struct Sequencer {
    writer: Writer,
    known: Known,
    publisher: Publisher,
    clock: Arc<dyn Clock>,
    bells: Bells,
}

impl Sequencer {
    pub(super) fn new(
        writer: Writer,
        logs: KnownLogs,
        publisher: Publisher,
        clock: Arc<dyn Clock>,
        bells: Bells,
    ) -> Self {
        Self {
            writer,
            known: Known::new(logs),
            publisher,
            clock,
            bells,
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
                        gather(&inbox).await;
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
        self.writer.close().await;
        self.publisher.finish().await;
        if let Some(done) = closing {
            // Nobody waits any more: fine.
            let _ignored = done.send(());
        }
    }

    async fn publish(&mut self) -> Next {
        let mut connection = match self.writer.pool.acquire().await {
            Ok(connection) => connection,
            Err(error) => {
                tracing::warn!(%error, "no checkpoint was published, will try again");
                return Next::Continue;
            }
        };
        let Self {
            publisher,
            writer,
            known,
            ..
        } = self;
        let publish = publisher.publish(writer, &mut connection, &mut known.logs);
        match timeout(PATIENCE, publish).await {
            Ok(Ok(())) => Next::Continue,
            Ok(Err(error @ FollowError::Fenced(_))) => {
                tracing::error!(%error, "the sequencer stops");
                Next::Stop
            }
            Ok(Err(error @ FollowError::Storage(_))) => {
                connection.close_on_drop();
                tracing::warn!(error = %with_causes(&error), "no checkpoint was published, will try again");
                Next::Continue
            }
            Err(_) => {
                connection.close_on_drop();
                tracing::warn!("no checkpoint was published in time, will try again");
                Next::Continue
            }
        }
    }

    async fn write(&mut self, requests: &[Request]) -> Result<Vec<Vec<Position>>, BatchError> {
        let mut connection = self.writer.pool.acquire().await?;
        let now_ms = self.clock.unix_ms();
        let Self { writer, known, .. } = self;
        let write = batch::write(writer, &mut connection, known, requests, now_ms);
        let result = timeout(PATIENCE, write).await;
        let result = result
            .unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()).into()));
        if matches!(result, Err(BatchError::Storage(_))) {
            connection.close_on_drop();
        }
        result
    }

    /// Writes requests in one transaction, and again without those that can never be written.
    async fn append(&mut self, mut requests: Vec<Request>) -> Next {
        while !requests.is_empty() {
            let result = self.write(&requests).await;
            let (error, next) = match result {
                Ok(positions) => {
                    self.writer.committed();
                    self.bells.ring(&positions);
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
                    tracing::error!(error = %with_causes(&error), "events could not be written");
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

/// Lets tasks that are ready go first, as long as that brings requests: under load the transaction is for
/// many of them, and when nothing else is ready it begins at once.
async fn gather(inbox: &mpsc::Receiver<Command>) {
    for _ in 0..COURTESIES {
        let waiting = inbox.len();
        tokio::task::yield_now().await;
        if inbox.len() == waiting || waiting >= BATCH_LIMIT {
            return;
        }
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
