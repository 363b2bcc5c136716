//! What the ledger takes in: events per second that are durable and acknowledged, on each database,
//! beside what the same database takes of bare rows in batches, and beside a chain of hashes that is
//! written row after row, as audit logs commonly are. Then, on a log of a million entries: what a
//! verification and a proof cost.

mod appends;
mod bare;
mod chained;
mod database;
mod events;
mod place;
mod proofs;
mod rate;
mod report;
mod verified;

use std::io::Write;

use anyhow::{Context as _, Result};

use crate::Boxed;
use crate::bench::Plan;
use place::Place;
use rate::Rate;

/// Entries of the log that is verified and proven.
const ENTRIES: u64 = 1_000_000;

/// Parts of a measurement, one way beside the other in turns: what a disk does in a second changes by a
/// third from one second to the next on some machines.
const SLICES: u32 = 4;

/// What one round says of a place.
#[derive(Default)]
struct Visit {
    ledger: Rate,
    bare: Rate,
    chained: Rate,
}

impl Visit {
    async fn pay(place: &mut Place, plan: Plan) -> Result<Self> {
        let slice = plan.durations[1] / SLICES;
        let mut visit = Self::default();
        for _ in 0..SLICES {
            visit.ledger += appends::measure(&mut place.producers, slice).await?;
            visit.bare += place.bare.measure(slice).await?;
            visit.chained += place.chained.measure(slice).await?;
        }
        Ok(visit)
    }
}

/// Runs the whole benchmark, prints the table and writes the report.
pub fn run(out: &mut (dyn Write + Send)) -> Boxed<'_, Result<()>> {
    Box::pin(measure(out))
}

async fn measure(out: &mut (dyn Write + Send)) -> Result<()> {
    let plan = Plan::from_environment()?;
    let mut places = [Place::sqlite().await?, Place::postgres().await?];
    let mut rounds = Vec::new();
    for round in 0..plan.rounds {
        writeln!(out, "round {} of {}", round + 1, plan.rounds)?;
        out.flush()?;
        let mut visits = Vec::new();
        for place in &mut places {
            visits.push(Visit::pay(place, plan).await?);
        }
        rounds.push(visits);
    }
    let [sqlite, _postgres] = places;
    let log = sqlite.grown_to(entries()?, out).await?;
    let proofs = proofs::measure(&log).await?;
    let verified = verified::measure(log).await?;
    report::write(plan, &rounds, verified, proofs, out).await
}

fn entries() -> Result<u64> {
    match std::env::var("CARACAL_BENCH_ENTRIES") {
        Ok(text) => text
            .parse()
            .context("CARACAL_BENCH_ENTRIES is not a number"),
        Err(_) => Ok(ENTRIES),
    }
}
