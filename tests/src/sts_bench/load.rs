//! The load: sidecars that ask for mandates, closed loop, every answer checked to carry one.

use std::time::Duration;

use anyhow::{Result, bail};
use caracal_store::testing::PostgresServer;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::figures::{Measurement, Spent};
use super::place::Place;
use crate::bench::cpu;
use crate::mandates::Exchange;
use crate::upstream::BANK;

/// Exchanges of each caller before anything is measured.
const WARM_UP: usize = 20;

/// Connections; callers beyond share them, as the requests of one Envoy do.
const CONNECTIONS: usize = 8;

/// Callers with open connections to a place.
pub(super) struct Load<'a> {
    place: &'a Place,
    callers: Vec<Exchange>,
}

impl<'a> Load<'a> {
    /// Connects and warms up.
    pub(super) async fn open(place: &'a Place, callers: usize) -> Result<Self> {
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS.min(callers) {
            let identity = place.stack.identity("payout")?;
            let port = place.stack.authority.grpc_port;
            connections.push(Exchange::connect(identity, port).await?);
        }
        let mut callers: Vec<_> = connections.iter().cycle().take(callers).cloned().collect();
        for exchange in &mut callers {
            for _ in 0..WARM_UP {
                exchange.mandate("GET", BANK, "/accounts/42").await?;
            }
        }
        Ok(Self { place, callers })
    }

    /// Loads the place for a time.
    pub(super) async fn run(&self, duration: Duration) -> Result<Measurement> {
        let before = spent(self.place)?;
        let start = Instant::now();
        let mut tasks = JoinSet::new();
        for mut exchange in self.callers.iter().cloned() {
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
        let spent = spent(self.place)?.since(before);
        if took.is_empty() {
            bail!("no exchange was answered in {duration:?}");
        }
        Ok(Measurement {
            callers: self.callers.len(),
            took,
            elapsed,
            spent,
        })
    }
}

fn spent(place: &Place) -> Result<Spent> {
    let mut database = 0;
    for pid in place.server.iter().flat_map(PostgresServer::processes) {
        // A backend may end between the list and the look.
        database += cpu::nanoseconds(pid).unwrap_or(0);
    }
    let sts = cpu::nanoseconds(place.stack.authority.pid()?)?;
    Ok(Spent { sts, database })
}
