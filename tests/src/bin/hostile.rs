//! `make hostile`: the hostile requests and the differential fuzzer, and their tables written into docs.

use anyhow::{Context as _, Result, ensure};
use caracal_tests::hostile::{documents, fuzz, renewed, report, run};

#[tokio::main]
async fn main() -> Result<()> {
    let report = run().await?;
    println!("{}", report::classes(&report.played));
    println!("seed {} (CARACAL_FUZZ_SEED)", fuzz::seed()?);
    let problems = report::problems(&report.played);
    for tally in [&report.fuzzed, &report.fuzzed_through_envoy] {
        println!(
            "{} requests, {} matched, refused {:?}, read by {:?}, {} differences",
            tally.requests,
            tally.matched,
            tally.refused,
            tally.readers,
            tally.differences.len()
        );
        tally
            .differences
            .iter()
            .take(20)
            .for_each(|difference| println!("  {difference}"));
    }
    for problem in &problems {
        println!("  {problem}");
    }
    for (path, table) in documents(&report.played) {
        let document = std::fs::read_to_string(&path)?;
        let document = renewed(&document, &table)
            .with_context(|| format!("{} has no place for the table", path.display()))?;
        std::fs::write(&path, document)?;
    }
    let tallies = [&report.fuzzed, &report.fuzzed_through_envoy];
    let differ = tallies.iter().any(|tally| !tally.differences.is_empty());
    ensure!(problems.is_empty() && !differ, "see above for what differs");
    Ok(())
}
