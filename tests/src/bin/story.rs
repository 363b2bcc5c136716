//! `caracal-story [--once]`: plays the story, then keeps the system running for trying it by hand.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::{Result, bail};
use caracal_tests::stack::ZONE;
use caracal_tests::story::narrator::Narrator;
use caracal_tests::story::{Stage, play};

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let once = match std::env::args().nth(1).as_deref() {
        None => false,
        Some("--once") => true,
        Some(other) => bail!("unknown argument {other}; the only one is --once"),
    };
    let mut narrator = Narrator::stdout();
    let stage = tokio::select! {
        stage = play(&mut narrator) => stage?,
        interrupted = tokio::signal::ctrl_c() => { interrupted?; return Ok(ExitCode::from(130)) }
    };
    narrator.summary()?;
    let failed = narrator.failed();
    if !once {
        invite(&stage)?;
        tokio::signal::ctrl_c().await?;
    }
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn invite(stage: &Stage) -> Result<()> {
    let authority = &stage.stack.authority;
    let caracal = format!(
        "{} --server {} --token-file {}",
        stage.stack.parts.caracal.display(),
        authority.server(),
        authority.token_file().display()
    );
    let proxy = stage.agent.port();
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "
Still running. Try it in another terminal; Ctrl-C ends everything.

  curl -i -x http://127.0.0.1:{proxy} http://invoices.internal/invoices/2041
  curl -i -x http://127.0.0.1:{proxy} http://mercury-bank.internal/accounts/42
  HTTP_PROXY=http://127.0.0.1:{proxy} python3 tests/agent/payout_agent.py

  {caracal} grant list --zone {ZONE}
  {caracal} revoke application/payout-agent --wait --zone {ZONE}
  {caracal} audit list --zone {ZONE}
"
    )?;
    Ok(())
}
