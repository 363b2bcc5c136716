//! The load: sidecars that ask for mandates, closed loop, every answer checked to carry one.

use std::time::Duration;

use anyhow::{Result, bail};
use caracal_store::testing::PostgresServer;
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::place::Place;
use crate::bench::{cpu, stats};
use crate::mandates::Exchange;
use crate::upstream::BANK;

/// Exchanges of each caller before anything is measured.
const WARM_UP: usize = 20;

/// Connections; callers beyond share them, as the requests of one Envoy do.
const CONNECTIONS: usize = 8;

/// One measurement. Times are microseconds; CPU is per exchange.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Measurement {
    pub(super) callers: usize,
    pub(super) exchanges: usize,
    pub(super) exchanges_per_second: f64,
    pub(super) p50_us: f64,
    pub(super) p99_us: f64,
    pub(super) sts_cpu_us: f64,
    /// Of all processes of the database server; 0 where there is none.
    pub(super) database_cpu_us: f64,
}

impl Measurement {
    /// Exchanges in one second of the service's CPU time.
    pub(super) fn per_core(&self) -> f64 {
        1e6 / self.sts_cpu_us
    }

    /// The same, with the database's CPU time.
    pub(super) fn per_core_with_database(&self) -> f64 {
        1e6 / (self.sts_cpu_us + self.database_cpu_us)
    }
}

/// Loads a place for a time.
pub(super) async fn measure(
    place: &Place,
    callers: usize,
    duration: Duration,
) -> Result<Measurement> {
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS.min(callers) {
        let identity = place.stack.identity("payout")?;
        connections.push(Exchange::connect(identity, place.stack.authority.grpc_port).await?);
    }
    let mut open = Vec::new();
    for mut exchange in connections.iter().cycle().take(callers).cloned() {
        for _ in 0..WARM_UP {
            exchange.mandate("GET", BANK, "/accounts/42").await?;
        }
        open.push(exchange);
    }
    let before = spent(place)?;
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for mut exchange in open {
        tasks.spawn(async move {
            let mut took = Vec::new();
            while start.elapsed() < duration {
                let asked = Instant::now();
                exchange.mandate("GET", BANK, "/accounts/42").await?;
                took.push(asked.elapsed());
            }
            anyhow::Ok(took)
        });
    }
    let mut took = Vec::new();
    while let Some(done) = tasks.join_next().await {
        took.extend(done??);
    }
    let elapsed = start.elapsed();
    let after = spent(place)?;
    if took.is_empty() {
        bail!("no exchange was answered in {duration:?}");
    }
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    let count = took.len() as f64;
    #[expect(clippy::cast_precision_loss, reason = "nanoseconds far below 2^52")]
    let each = |before: u64, after: u64| after.saturating_sub(before) as f64 / 1000.0 / count;
    let micros = |share| stats::quantile(took.iter().map(|took| took.as_secs_f64() * 1e6), share);
    Ok(Measurement {
        callers,
        exchanges: took.len(),
        exchanges_per_second: count / elapsed.as_secs_f64(),
        p50_us: micros(0.5),
        p99_us: micros(0.99),
        sts_cpu_us: each(before.0, after.0),
        database_cpu_us: each(before.1, after.1),
    })
}

/// CPU nanoseconds of the service, and of the database.
fn spent(place: &Place) -> Result<(u64, u64)> {
    let mut database = 0;
    for pid in place.server.iter().flat_map(PostgresServer::processes) {
        // A backend may end between the list and the look.
        database += cpu::nanoseconds(pid).unwrap_or(0);
    }
    Ok((cpu::nanoseconds(place.stack.authority.pid()?)?, database))
}
