//! One connection for many short calls, which is there or is not: nobody waits for it.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisError, RedisResult};
use tokio::sync::watch;

use super::backoff::Backoff;

/// How long an answer may take. After the first that takes longer, nobody waits at all until the
/// server has answered a new connection.
const PATIENCE: Duration = Duration::from_millis(250);

/// How long a connection may take to be made, and to answer the first time.
pub(super) const CONNECT_PATIENCE: Duration = Duration::from_secs(1);

/// Redis gives no answer that helps. Deliberately without detail; the log has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unavailable;

/// The connection as it is now. Clones share it.
#[derive(Clone)]
pub(crate) struct Link {
    lines: watch::Receiver<Option<Line>>,
    broken: Arc<watch::Sender<u64>>,
}

/// A connection, and which one of all.
#[derive(Clone)]
pub(crate) struct Line {
    generation: u64,
    pub(crate) connection: MultiplexedConnection,
}

impl Link {
    /// Connects, and connects again, until `stop` changes.
    pub(super) fn start(client: Client, backoff: Backoff, stop: watch::Receiver<bool>) -> Self {
        let (sender, lines) = watch::channel(None);
        let broken = Arc::new(watch::Sender::new(0));
        let reports = broken.subscribe();
        tokio::spawn(keep(client, backoff, sender, reports, stop));
        Self { lines, broken }
    }

    /// The connection, if there is one.
    pub(crate) fn line(&self) -> Option<Line> {
        self.lines.borrow().clone()
    }

    /// Wakes when there is a new one, or none any more.
    pub(super) fn changes(&self) -> watch::Receiver<Option<Line>> {
        self.lines.clone()
    }

    /// The answer of a call on `line`. A line that broke is replaced.
    pub(crate) fn answer<T>(&self, line: &Line, answer: RedisResult<T>) -> Result<T, Unavailable> {
        answer.map_err(|error| {
            tracing::warn!(%error, "a call to Redis failed");
            if is_broken(&error) {
                let generation = line.generation;
                self.broken.send_if_modified(|broken| {
                    let newer = generation > *broken;
                    *broken = generation.max(*broken);
                    newer
                });
            }
            Unavailable
        })
    }
}

/// Whether another connection may do better; a server that became somebody's replica included.
fn is_broken(error: &RedisError) -> bool {
    error.is_io_error()
        || error.is_timeout()
        || error.is_connection_dropped()
        || error.is_unrecoverable_error()
        || matches!(error.code(), Some("READONLY" | "LOADING"))
}

async fn keep(
    client: Client,
    mut backoff: Backoff,
    lines: watch::Sender<Option<Line>>,
    mut broken: watch::Receiver<u64>,
    mut stop: watch::Receiver<bool>,
) {
    let mut generation = 0_u64;
    let mut silent = false;
    loop {
        match connect(&client).await {
            Ok(connection) => {
                tracing::info!("connected to Redis");
                (silent, generation) = (false, generation.saturating_add(1));
                backoff.reset();
                lines.send_replace(Some(Line {
                    generation,
                    connection,
                }));
                tokio::select! {
                    _ = stop.changed() => return,
                    _ = broken.wait_for(|broken| *broken >= generation) => {}
                }
                lines.send_replace(None);
            }
            // Said once for each outage.
            Err(error) if !silent => {
                silent = true;
                tracing::warn!(%error, "Redis is not to be reached; this replica goes on without");
            }
            Err(_) => {}
        }
        tokio::select! {
            _ = stop.changed() => return,
            () = tokio::time::sleep(backoff.next()) => {}
        }
    }
}

async fn connect(client: &Client) -> RedisResult<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_PATIENCE))
        .set_response_timeout(Some(PATIENCE));
    let connecting = client.get_multiplexed_async_connection_with_config(&config);
    let mut connection = connecting.await?;
    // A server that hangs takes connections all the same.
    redis::cmd("PING").exec_async(&mut connection).await?;
    Ok(connection)
}
