//! What enforcement costs, measured side by side: one Envoy for each variant, the same mTLS listener,
//! the same upstream, interleaved rounds in one run.

mod chain;
mod config;
pub(crate) mod cpu;
mod generator;
pub(crate) mod report;
mod side;
mod stage;
pub(crate) mod stats;
mod variant;

use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::Boxed;
use chain::Chains;
use generator::Measurement;
use stage::Stage;
use variant::Variant;

/// Connections of the two kinds of measurement.
const CONNECTIONS: [usize; 2] = [1, 16];

/// What is measured for how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    /// With few callers, and with many.
    pub(crate) durations: [Duration; 2],
}

impl Plan {
    /// By `CARACAL_BENCH_ROUNDS` and `CARACAL_BENCH_SECONDS`.
    pub(crate) fn from_environment() -> Result<Self> {
        let number = |name: &str, default: f64| -> Result<f64> {
            match std::env::var(name) {
                Ok(text) => text
                    .parse()
                    .with_context(|| format!("{name} is not a number")),
                Err(_) => Ok(default),
            }
        };
        let seconds = number("CARACAL_BENCH_SECONDS", 2.0)?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a small positive number"
        )]
        let rounds = number("CARACAL_BENCH_ROUNDS", 9.0)?.max(1.0) as usize;
        let durations = [
            Duration::from_secs_f64(seconds / 2.0),
            Duration::from_secs_f64(seconds),
        ];
        Ok(Self { rounds, durations })
    }
}

/// Everything that was measured: by variant, then round, then number of connections.
type Rounds = Vec<(Variant, Vec<[Measurement; 2]>)>;

/// Runs the whole benchmark, prints the table and writes the report.
pub fn run(out: &mut (dyn std::io::Write + Send)) -> Boxed<'_, Result<()>> {
    Box::pin(measure(out))
}

async fn measure(out: &mut (dyn std::io::Write + Send)) -> Result<()> {
    let plan = Plan::from_environment()?;
    let stage = Stage::build(out).await?;
    let around = &stage.plain.around;
    let mut chains = Chains::new(&stage.plain.forge, &around.zone, &around.issuer)?;
    let mut rounds: Rounds = Variant::ALL
        .into_iter()
        .map(|variant| (variant, Vec::new()))
        .collect();
    for round in 0..plan.rounds {
        writeln!(out, "round {} of {}", round + 1, plan.rounds)?;
        out.flush()?;
        chains.measure()?;
        let count = rounds.len();
        for step in 0..count {
            // Another one begins each round, so that none always runs after the same neighbour.
            let (variant, measured) = rounds
                .get_mut((round + step) % count)
                .context("a variant")?;
            let few = stage
                .measure(*variant, CONNECTIONS[0], plan.durations[0])
                .await?;
            let many = stage
                .measure(*variant, CONNECTIONS[1], plan.durations[1])
                .await?;
            measured.push([few, many]);
        }
    }
    report::write(&stage, plan, (&rounds, &chains), out).await
}
