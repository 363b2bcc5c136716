//! Simulated enforcement points, in a process of their own so that the CPU time of the token service
//! can be told from theirs.
//!
//! Each is what a filter's VM is to the service: a stream with Hello, the snapshot and deltas applied by
//! the filter's own `Feed`, an acknowledgement for each, and a ping every quarter of its lease. The HTTP/2
//! below is made by hand, because it has to cost less than what is measured.

mod connection;
mod frames;
mod point;

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use crate::Boxed;
use crate::client::tls;
use crate::stack::identity::Identity;
use crate::stack::{Stack, ZONE};
use connection::{Common, Connection};
pub(super) use point::Counts;
use point::{PING_PAUSE_MS, Point};

/// First argument of the program when it is to be this process.
pub const COMMAND: &str = "points";

/// How long it may take until all are live.
const START: Duration = Duration::from_secs(30);

/// What the process is to be.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Task {
    port: u16,
    /// Whose certificates the connections have, in turn, and the role of the points there.
    identities: Vec<(String, [PathBuf; 3])>,
    points: usize,
    per_connection: usize,
}

/// A running process of points.
#[derive(Debug)]
pub(super) struct Fleet {
    child: Child,
    lines: tokio::io::Lines<BufReader<ChildStdout>>,
}

impl Fleet {
    /// Starts points and waits until all of them have a lease.
    pub(super) async fn start(stack: &Stack, points: usize, per_connection: usize) -> Result<Self> {
        let identities = [("resource", "bank-proxy"), ("gateway", "gateway")]
            .into_iter()
            .map(|(role, name)| {
                let Identity {
                    certificate,
                    key,
                    authority,
                } = stack.identity(name)?.clone();
                Ok((role.to_owned(), [certificate, key, authority]))
            });
        let task = Task {
            port: stack.authority.grpc_port,
            identities: identities.collect::<Result<_>>()?,
            points,
            per_connection,
        };
        let mut child = Command::new(std::env::current_exe()?)
            .arg(COMMAND)
            .arg(serde_json::to_string(&task)?)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let lines = BufReader::new(child.stdout.take().context("no output")?).lines();
        let mut fleet = Self { child, lines };
        let live = tokio::time::timeout(START, fleet.lines.next_line()).await;
        let live = live.context("the simulated points are not live in time")??;
        ensure!(live.as_deref() == Some("live"), "the points ended early");
        Ok(fleet)
    }

    pub(super) fn pid(&self) -> Result<u32> {
        self.child.id().context("the simulated points have ended")
    }

    /// Stops the points; what they came to. An error if one of them ended by itself.
    pub(super) async fn stop(mut self) -> Result<Counts> {
        drop(self.child.stdin.take());
        let line = self.lines.next_line().await?;
        let line = line.context("the simulated points ended early")?;
        let status = self.child.wait().await?;
        ensure!(status.success(), "the simulated points ended with {status}");
        Ok(serde_json::from_str(&line)?)
    }
}

/// The process itself: says `live` when all points are, runs until its input ends, and then says what
/// they came to.
pub fn serve(task: &str) -> Result<Boxed<'static, Result<()>>> {
    let task = serde_json::from_str(task)?;
    Ok(Box::pin(simulate(task)))
}

async fn simulate(task: Task) -> Result<()> {
    let Task {
        port,
        identities,
        points,
        per_connection,
    } = task;
    let start = Instant::now();
    let (stopping, stop) = watch::channel(false);
    let common = Common {
        port,
        zone: ZONE.to_owned(),
        start,
        live: Arc::new(AtomicUsize::new(0)),
        stop,
    };
    let mut connections = JoinSet::new();
    let numbers: Vec<_> = (0..points).collect();
    let clients = identities
        .into_iter()
        .map(|(role, [certificate, key, authority])| {
            let role = if role == "gateway" {
                "gateway"
            } else {
                "resource"
            };
            let client = tls::Client::http2(&Identity {
                certificate,
                key,
                authority,
            })?;
            Ok((role, client))
        })
        .collect::<Result<Vec<_>>>()?;
    for (of, numbers) in numbers.chunks(per_connection.max(1)).enumerate() {
        let (role, client) = clients.get(of % clients.len()).context("an identity")?;
        let open_ms = u64::try_from(start.elapsed().as_millis())?;
        // Pings at all times of the period, as of proxies that were not started together.
        let due = |at: usize| {
            let part = PING_PAUSE_MS * u64::try_from(at).unwrap_or(0);
            let shift = u64::try_from(of).unwrap_or(0) * 37 % PING_PAUSE_MS;
            let parts = u64::try_from(numbers.len()).unwrap_or(1).max(1);
            open_ms + PING_PAUSE_MS + shift + part / parts
        };
        let points = numbers
            .iter()
            .enumerate()
            .map(|(at, number)| Point::new(*number, role, due(at)))
            .collect();
        let connection = Connection::open(common.clone(), client, points).await?;
        connections.spawn(connection.run());
    }
    // Ends with its input; a thread of its own, because nothing else can wait for it.
    let (ending, mut end) = oneshot::channel();
    std::thread::spawn(move || {
        let _ended = std::io::stdin().read(&mut [0]);
        ending.send(())
    });
    while common.live.load(Ordering::Relaxed) < points {
        tokio::select! {
            ended = connections.join_next() => return early(ended),
            () = tokio::time::sleep(Duration::from_millis(10)) => {}
        }
    }
    say("live")?;
    tokio::select! {
        ended = connections.join_next() => return early(ended),
        _ = &mut end => {}
    }
    stopping.send_replace(true);
    let mut all = Counts::default();
    while let Some(counts) = connections.join_next().await {
        all += counts??;
    }
    say(&serde_json::to_string(&all)?)
}

fn say(line: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

/// No connection ends before it is told to.
fn early(ended: Option<Result<Result<Counts>, JoinError>>) -> Result<()> {
    if let Some(ended) = ended {
        ended??;
    }
    bail!("a connection ended early")
}
