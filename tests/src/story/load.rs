//! The agent's traffic while something goes wrong: many connections, every request known by a mark.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::stage::payment;
use crate::client::Connection;
use crate::upstream::MARK;

/// Concurrent connections, each with one request under way.
pub(super) const CONNECTIONS: usize = 16;

/// One request of the load.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) mark: u64,
    pub(super) at: Instant,
    pub(super) answered: Instant,
    pub(super) status: u16,
    pub(super) reason: Option<String>,
}

impl Sent {
    /// Whether the connection broke, or the proxy's own connection to the other one, so that there is
    /// neither an answer of the service nor a verdict. What is under way when its mandate ends is cut: it
    /// may have reached the service, but its answer does not come back.
    pub(super) fn was_cut(&self) -> bool {
        matches!(self.status, 0 | 503) && self.reason.is_none()
    }
}

/// Running load.
#[derive(Debug)]
pub(super) struct Load {
    stop: Arc<AtomicBool>,
    allowed: Arc<AtomicU64>,
    tasks: JoinSet<Vec<Sent>>,
}

static NEXT_MARK: AtomicU64 = AtomicU64::new(1);

impl Load {
    /// Starts payments over the agent's sidecar.
    pub(super) fn start(port: u16) -> Self {
        let (stop, allowed) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let mut tasks = JoinSet::new();
        for _ in 0..CONNECTIONS {
            tasks.spawn(one_connection(
                port,
                Arc::clone(&stop),
                Arc::clone(&allowed),
            ));
        }
        Self {
            stop,
            allowed,
            tasks,
        }
    }

    /// How many were allowed so far.
    pub(super) fn allowed(&self) -> u64 {
        self.allowed.load(Ordering::Relaxed)
    }

    /// Stops it and gives every request, in the order of sending.
    pub(super) async fn stop(self) -> Result<Vec<Sent>> {
        self.stop.store(true, Ordering::Relaxed);
        let mut all: Vec<_> = self.tasks.join_all().await.into_iter().flatten().collect();
        all.sort_by_key(|request| request.at);
        Ok(all)
    }
}

async fn one_connection(port: u16, stop: Arc<AtomicBool>, allowed: Arc<AtomicU64>) -> Vec<Sent> {
    let mut all = Vec::new();
    let mut connection = None;
    while !stop.load(Ordering::Relaxed) {
        if connection.is_none() {
            connection = Connection::plain(port).await.ok();
        }
        let Some(open) = &mut connection else {
            continue;
        };
        let mark = NEXT_MARK.fetch_add(1, Ordering::Relaxed);
        let request = payment().header(MARK, &mark.to_string());
        let sent = Instant::now();
        // A connection that broke has no answer; what reached the services is counted there.
        let (status, reason) = match open.send(&request).await {
            Ok(response) => (response.status, response.reason),
            Err(_) => (0, None),
        };
        if status == 0 {
            connection = None;
        }
        if status == 200 {
            allowed.fetch_add(1, Ordering::Relaxed);
        }
        all.push(Sent {
            mark,
            at: sent,
            answered: Instant::now(),
            status,
            reason,
        });
        // The machine is shared with what is tested: some 2,000 requests a second are enough.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    all
}
