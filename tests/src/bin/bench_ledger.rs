//! `caracal-bench-ledger`: measures what the ledger takes in a second, beside what the same databases take
//! of bare rows and of a hash chain, and what verifying and proving cost. `CARACAL_BENCH_ROUNDS`,
//! `CARACAL_BENCH_SECONDS` (of one measurement) and `CARACAL_BENCH_ENTRIES` (of the log that is verified)
//! make it shorter or longer.

use anyhow::Result;
use mimalloc::MiMalloc;

/// The services' own.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main]
async fn main() -> Result<()> {
    let mut out = std::io::stdout();
    tokio::select! {
        done = caracal_tests::ledger_bench::run(&mut out) => done,
        interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
    }
}
