//! How long it takes until a revocation is known everywhere: from the commit to the acknowledgement of
//! the last of many enforcement points, while two real Envoys are under load.

pub mod collapse;
mod coverage;
mod figures;
mod load;
mod picture;
pub mod points;
mod report;
mod series;
mod site;

use std::io::Write;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::time::Instant;

use crate::Boxed;
use crate::bench::cpu;
use figures::{Cpu, Measured};
use load::{Load, Wallet};
use points::Fleet;
use series::{LEASE, Series};
use site::{ENVOY_POINTS, Site};

/// How long the CPU time of the load alone is watched.
const ALONE: Duration = Duration::from_secs(4);

/// What is measured.
#[derive(Debug, Clone)]
struct Plan {
    /// Simulated points, beside those of the Envoys.
    points: usize,
    /// Streams that share a connection: one measurement for each.
    per_connection: Vec<usize>,
    /// Revocations of each measurement.
    revocations: usize,
    /// Requests in a second.
    load: u32,
}

impl Plan {
    /// By `CARACAL_BENCH_POINTS`, `CARACAL_BENCH_STREAMS` (such as `1,10`), `CARACAL_BENCH_REVOCATIONS`
    /// and `CARACAL_BENCH_LOAD`.
    fn from_environment() -> Result<Self> {
        let streams = std::env::var("CARACAL_BENCH_STREAMS").unwrap_or_else(|_| "10,1".to_owned());
        let per_connection = streams.split(',').map(str::parse).collect::<Result<_, _>>();
        Ok(Self {
            points: number("CARACAL_BENCH_POINTS", 500)?,
            per_connection: per_connection
                .context("CARACAL_BENCH_STREAMS is no list of numbers")?,
            revocations: number("CARACAL_BENCH_REVOCATIONS", 240)?,
            load: number("CARACAL_BENCH_LOAD", 200)?,
        })
    }
}

fn number<T: FromStr>(name: &str, default: T) -> Result<T> {
    match std::env::var(name) {
        Err(_) => Ok(default),
        Ok(text) => {
            let number = text.parse().ok();
            number.with_context(|| format!("{name} is no number"))
        }
    }
}

/// Runs the whole benchmark, prints the histogram and writes the report and the picture.
pub fn run(out: &mut (dyn Write + Send)) -> Boxed<'_, Result<()>> {
    Box::pin(measure(out))
}

async fn measure(out: &mut (dyn Write + Send)) -> Result<()> {
    let plan = Plan::from_environment()?;
    let applications = plan.revocations.div_ceil(3);
    let site = Site::build(applications * plan.per_connection.len()).await?;
    let mut all = Vec::new();
    let mut numbers = 0;
    for (at, per_connection) in plan.per_connection.iter().copied().enumerate() {
        writeln!(
            out,
            "{} points, {per_connection} on each connection: {} revocations",
            plan.points, plan.revocations
        )?;
        out.flush()?;
        let unused = at * applications..(at + 1) * applications;
        let measured = one(&site, &plan, per_connection, &mut numbers, unused).await?;
        report::table(&measured, out)?;
        all.push(measured);
    }
    report::write(&site, &plan, &all, out).await
}

/// One measurement, with a process of points of its own.
async fn one(
    site: &Site,
    plan: &Plan,
    per_connection: usize,
    numbers: &mut u64,
    unused: std::ops::Range<usize>,
) -> Result<Measured> {
    site.live(ENVOY_POINTS).await?;
    let fleet = Fleet::start(&site.stack, plan.points, per_connection).await?;
    let points = plan.points + ENVOY_POINTS;
    site.live(points).await?;
    let wallet = Wallet::default();
    let ports = (site.agent.port(), site.resource.port());
    let mut series = Series::new(site, &wallet, points, numbers, unused).await?;
    series.prepare().await?;
    let load = Load::start(ports, &site.client, &wallet, plan.load);
    let before = spent(site, &fleet)?;
    let began = Instant::now();
    tokio::time::sleep(ALONE).await;
    let alone = spent(site, &fleet)?.since(&before, began.elapsed());
    let before = spent(site, &fleet)?;
    let began = Instant::now();
    let revocations = series.run(plan.revocations).await?;
    let during = spent(site, &fleet)?.since(&before, began.elapsed());
    // Until the last revoked mandate has been shown for more than a lease.
    tokio::time::sleep(LEASE + Duration::from_millis(500)).await;
    let sent = load.stop().await?;
    let counts = fleet.stop().await?;
    Ok(Measured {
        points: plan.points,
        per_connection,
        arrivals: figures::late(&site.upstream.arrivals.all(), &revocations),
        revocations,
        sent,
        counts,
        alone,
        during,
    })
}

fn spent(site: &Site, fleet: &Fleet) -> Result<Cpu> {
    Ok(Cpu {
        sts: cpu::nanoseconds(site.stack.authority.pid()?)?,
        envoys: cpu::nanoseconds(site.agent.pid()?)? + cpu::nanoseconds(site.resource.pid()?)?,
        points: cpu::nanoseconds(fleet.pid()?)?,
        harness: cpu::nanoseconds(std::process::id())?,
        elapsed: Duration::ZERO,
    })
}
