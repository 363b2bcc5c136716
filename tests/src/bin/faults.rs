//! `make faults`: every fault at every moment, and the table written into docs.
//!
//! An argument names the rows (a part of their name) or the gateway to play; then nothing is written.

use anyhow::{Context as _, Result, ensure};
use caracal_tests::faults::plan::Extent;
use caracal_tests::faults::{document, renewed, report, run};

#[tokio::main]
async fn main() -> Result<()> {
    let only = std::env::args().nth(1).unwrap_or_default();
    let report = run(Extent::Full, &only).await?;
    print!("{}", report::lines(&report));
    println!("\n{}", report::table(&report));
    let problems = if only.is_empty() {
        report::problems(&report, Extent::Full)
    } else {
        report::problems(&report, Extent::Brief)
    };
    for problem in &problems {
        println!("  {problem}");
    }
    if only.is_empty() {
        let path = document();
        let text = std::fs::read_to_string(&path)?;
        let text = renewed(&text, &report::table(&report))
            .with_context(|| format!("{} has no place for the table", path.display()))?;
        std::fs::write(&path, text)?;
    }
    ensure!(
        problems.is_empty() && report.late() == 0,
        "see above for what is wrong"
    );
    Ok(())
}
