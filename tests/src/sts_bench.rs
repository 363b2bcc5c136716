//! What an exchange costs: the real `caracal up` on each database, called over mutual TLS as a
//! sidecar calls it, with policy, signature, and the decision durable before the answer; beside the
//! machine's own ceiling, one ES256 signature and one verification, in the same run.

mod ceiling;
mod load;
mod place;
mod report;

use std::io::Write;

use anyhow::Result;

use crate::bench::Plan;
use load::Measurement;
use place::Place;

/// Exchanges at the same time: one for the latency that a lone caller sees, many for the rate.
const CALLERS: [usize; 2] = [1, 32];

/// One round: the ceiling, in pairs per second of one core, then every place.
struct Round {
    ceiling: f64,
    places: Vec<[Measurement; 2]>,
}

/// Runs the whole benchmark, prints the table and writes the report.
pub async fn run(out: &mut (dyn Write + Send)) -> Result<()> {
    let plan = Plan::from_environment()?;
    let places = [Place::sqlite().await?, Place::postgres().await?];
    let mut rounds = Vec::new();
    for round in 0..plan.rounds {
        writeln!(out, "round {} of {}", round + 1, plan.rounds)?;
        out.flush()?;
        let ceiling = tokio::task::spawn_blocking(ceiling::pairs_per_second).await??;
        let mut measured = Vec::new();
        for place in &places {
            let few = load::measure(place, CALLERS[0], plan.durations[0]).await?;
            let many = load::measure(place, CALLERS[1], plan.durations[1]).await?;
            measured.push([few, many]);
        }
        rounds.push(Round {
            ceiling,
            places: measured,
        });
    }
    report::write(&places, plan, &rounds, out).await
}
