//! What an exchange costs: the real `caracal up` on each database, called over mutual TLS as a
//! sidecar calls it, with policy, signature, and the decision durable before the answer; beside the
//! machine's own ceiling, one ES256 signature and one verification, in the same run.

mod ceiling;
mod figures;
mod load;
mod place;
mod report;

use std::io::Write;

use anyhow::Result;

use crate::Boxed;
use crate::bench::Plan;
use ceiling::Ceiling;
use figures::Measurement;
use load::Load;
use place::Place;

/// Exchanges at the same time: one for the latency that a lone caller sees, many for the rate.
const CALLERS: [usize; 2] = [1, 32];

/// Parts of a load with many callers, each beside a part of the ceiling: what a core does in a second
/// changes by a third from one second to the next on some machines.
const SLICES: u32 = 8;

/// What one round says of a place.
struct Visit {
    few: Measurement,
    many: Measurement,
    ceiling: Ceiling,
}

impl Visit {
    async fn pay(place: &Place, plan: Plan) -> Result<Self> {
        let few = Load::open(place, CALLERS[0]).await?;
        let few = few.run(plan.durations[0]).await?;
        let load = Load::open(place, CALLERS[1]).await?;
        let slice = plan.durations[1] / SLICES;
        let mut many = Measurement::default();
        let mut ceiling = Ceiling::default();
        for _ in 0..SLICES {
            ceiling += ceiling::measure(slice / 2).await?;
            many += load.run(slice).await?;
            ceiling += ceiling::measure(slice / 2).await?;
        }
        Ok(Self { few, many, ceiling })
    }

    const fn measured(&self) -> [&Measurement; 2] {
        [&self.few, &self.many]
    }

    /// What many callers get of what the cores can do.
    fn over_ceiling(&self, per_core_second: fn(&Measurement) -> f64) -> f64 {
        per_core_second(&self.many) / self.ceiling.pairs_per_core_second()
    }
}

/// Runs the whole benchmark, prints the table and writes the report.
pub fn run(out: &mut (dyn Write + Send)) -> Boxed<'_, Result<()>> {
    Box::pin(measure(out))
}

async fn measure(out: &mut (dyn Write + Send)) -> Result<()> {
    let plan = Plan::from_environment()?;
    let places = [Place::sqlite().await?, Place::postgres().await?];
    let mut rounds = Vec::new();
    for round in 0..plan.rounds {
        writeln!(out, "round {} of {}", round + 1, plan.rounds)?;
        out.flush()?;
        let mut visits = Vec::new();
        for place in &places {
            visits.push(Visit::pay(place, plan).await?);
        }
        rounds.push(visits);
    }
    report::write(&places, plan, &rounds, out).await
}
