//! `caracal-bench-sts`: measures what an exchange costs. `CARACAL_BENCH_ROUNDS` and
//! `CARACAL_BENCH_SECONDS` (of one measurement) make it shorter or longer.

use anyhow::Result;

#[tokio::main]
async fn main() -> Result<()> {
    let mut out = std::io::stdout();
    tokio::select! {
        done = caracal_tests::sts_bench::run(&mut out) => done,
        interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
    }
}
