//! `caracal-bench-delegation`: measures what ending a session costs that has 10,000 below it, beside one that
//! is alone. `CARACAL_BENCH_POINTS` and `CARACAL_BENCH_ROUNDS` change it.
//!
//! It starts itself once more, as the process of the simulated points.

use anyhow::{Context as _, Result};
use caracal_tests::revocation_bench::{collapse, points};
use tokio::runtime::Builder;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some(points::COMMAND) {
        let task = arguments.next().context("no task for the points")?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        return runtime.block_on(points::serve(&task)?);
    }
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut out = std::io::stdout();
        tokio::select! {
            done = collapse::run(&mut out) => done,
            interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
        }
    })
}
