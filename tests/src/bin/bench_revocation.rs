//! `caracal-bench-revocation`: measures how long it takes until a revocation is known everywhere.
//! `CARACAL_BENCH_POINTS`, `CARACAL_BENCH_STREAMS` (streams on each connection, one measurement for
//! each), `CARACAL_BENCH_REVOCATIONS` and `CARACAL_BENCH_LOAD` (requests in a second) change it.
//!
//! It starts itself once more, as the process of the simulated points.

use anyhow::{Context as _, Result};
use caracal_tests::revocation_bench::{points, run};
use tokio::runtime::Builder;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some(points::COMMAND) {
        let task = arguments.next().context("no task for the points")?;
        // One thread: what the points write at the same time goes out together, and they leave the
        // other core to the service.
        let runtime = Builder::new_current_thread().enable_all().build()?;
        return runtime.block_on(points::serve(&task)?);
    }
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut out = std::io::stdout();
        tokio::select! {
            done = run(&mut out) => done,
            interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
        }
    })
}
