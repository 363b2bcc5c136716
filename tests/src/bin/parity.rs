//! `make parity`: the same cases through the filter and through `ext_authz`, and the table in docs.

use anyhow::{Context as _, Result, ensure};
use caracal_tests::parity::{exception, report, run};

#[tokio::main]
async fn main() -> Result<()> {
    let compared = run().await?;
    println!("{}", report::table(&compared));
    let problems = exception::problems(&compared);
    for problem in &problems {
        println!("  {problem}");
    }
    let (path, _, renewed) = report::document(&compared)?;
    let renewed = renewed.with_context(|| format!("{} has no place", path.display()))?;
    std::fs::write(&path, renewed)?;
    ensure!(problems.is_empty(), "see above for what differs");
    Ok(())
}
