//! `caracal-chaos`: three replicas under load while one part after the other is taken away. Exit status
//! 0 only if nothing was wrongly allowed, nothing was lost, and refusals came only where they may.

use std::process::ExitCode;

use anyhow::Result;
use caracal_tests::chaos::{Plan, play};
use caracal_tests::stack::parts::repository;
use caracal_tests::story::narrator::Narrator;

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let mut narrator = Narrator::stdout();
    let report = tokio::select! {
        report = play(Plan::full(), &mut narrator) => report?,
        interrupted = tokio::signal::ctrl_c() => { interrupted?; return Ok(ExitCode::from(130)) }
    };
    let path = repository().join("target/chaos.json");
    if let Some(folder) = path.parent() {
        tokio::fs::create_dir_all(folder).await?;
    }
    tokio::fs::write(&path, serde_json::to_string_pretty(&report)? + "\n").await?;
    narrator.note(&format!("every figure: {}", path.display()))?;
    Ok(if report.holds() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
