//! The load: kept-alive mTLS connections, closed loop, every answer checked.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{cpu, stats};
use crate::client::{Connection, tls};

/// Requests on each connection before anything is measured.
const WARM_UP: usize = 40;

/// The requests that a variant is shown, and where in them it is.
#[derive(Debug)]
pub(super) struct Requests {
    bytes: Vec<Vec<u8>>,
    next: AtomicUsize,
}

impl Requests {
    pub(super) const fn new(bytes: Vec<Vec<u8>>) -> Self {
        Self {
            bytes,
            next: AtomicUsize::new(0),
        }
    }

    fn next(&self) -> &[u8] {
        let index = self.next.fetch_add(1, Ordering::Relaxed) % self.bytes.len().max(1);
        self.bytes.get(index).map(Vec::as_slice).unwrap_or_default()
    }
}

/// What is loaded, and whose CPU time is read.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) port: u16,
    pub(super) envoy: u32,
    pub(super) sts: u32,
    pub(super) upstream: u32,
}

/// One measurement. Times are microseconds; CPU is per request.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Measurement {
    pub(super) connections: usize,
    pub(super) requests: usize,
    pub(super) requests_per_second: f64,
    pub(super) p50_us: f64,
    pub(super) p99_us: f64,
    pub(super) envoy_cpu_us: f64,
    pub(super) sts_cpu_us: f64,
    pub(super) upstream_cpu_us: f64,
}

/// Loads a target for a time.
pub(super) async fn measure(
    target: &Target,
    client: &tls::Client,
    requests: &Arc<Requests>,
    connections: usize,
    duration: Duration,
) -> Result<Measurement> {
    let mut open = Vec::new();
    for _ in 0..connections {
        let mut connection = Connection::mutual(target.port, client).await?;
        for _ in 0..WARM_UP {
            checked(&mut connection, requests).await?;
        }
        open.push(connection);
    }
    let accounts = [target.envoy, target.sts, target.upstream];
    let before = accounts.map(cpu::nanoseconds);
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for mut connection in open {
        let requests = Arc::clone(requests);
        tasks.spawn(async move {
            let mut took = Vec::new();
            while start.elapsed() < duration {
                took.push(checked(&mut connection, &requests).await?);
            }
            anyhow::Ok(took)
        });
    }
    let mut took = Vec::new();
    while let Some(done) = tasks.join_next().await {
        took.extend(done??);
    }
    let elapsed = start.elapsed();
    let after = accounts.map(cpu::nanoseconds);
    if took.is_empty() {
        bail!("no request was answered in {duration:?}");
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts and nanoseconds far below 2^52"
    )]
    let count = took.len() as f64;
    let mut spent = before
        .into_iter()
        .zip(after)
        .map(|(before, after)| -> Result<f64> {
            #[expect(
                clippy::cast_precision_loss,
                reason = "counts and nanoseconds far below 2^52"
            )]
            let nanoseconds = after?.saturating_sub(before?) as f64;
            Ok(nanoseconds / 1000.0 / count)
        });
    let mut next = || spent.next().context("three accounts")?;
    let micros = |share| stats::quantile(took.iter().map(|took| took.as_secs_f64() * 1e6), share);
    Ok(Measurement {
        connections,
        requests: took.len(),
        requests_per_second: count / elapsed.as_secs_f64(),
        p50_us: micros(0.5),
        p99_us: micros(0.99),
        envoy_cpu_us: next()?,
        sts_cpu_us: next()?,
        upstream_cpu_us: next()?,
    })
}

/// One request; anything but 200 ends the benchmark, because a refusal is cheap and looks fast.
async fn checked(connection: &mut Connection, requests: &Requests) -> Result<Duration> {
    let response = connection.exchange(requests.next()).await?;
    if response.status != 200 {
        bail!(
            "{} in the middle of the benchmark: {}",
            response.verdict(),
            String::from_utf8_lossy(&response.body)
        );
    }
    Ok(response.took)
}
