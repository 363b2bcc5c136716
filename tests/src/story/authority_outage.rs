//! No authority, no access: frozen and killed under load.

use std::time::Duration;

use anyhow::Result;
use tokio::time::Instant;

use super::Stage;
use super::load::Load;
use super::narrator::Narrator;
use super::stage::LEASE;
use crate::stack::wait;

/// From the end of the lease to the last byte at the services: one request's way, on a machine that
/// is shared with everything else.
const GRACE: Duration = Duration::from_millis(300);

/// Longest wait for recovery: a reconnect with its backoff.
const RECOVERY: Duration = Duration::from_secs(15);

pub(super) async fn play(stage: &mut Stage, narrator: &mut Narrator) -> Result<()> {
    narrator.chapter("The authority freezes, then dies, under load")?;
    let load = running(stage).await?;
    stage.stack.authority.freeze().await?;
    closes(
        stage,
        narrator,
        load,
        "frozen (SIGSTOP): closed within the lease",
    )
    .await?;
    stage.stack.authority.thaw().await?;
    let took = stage.recovered(RECOVERY).await?;
    narrator.step(
        "going on (SIGCONT): open again by itself",
        true,
        &format!("{} ms", took.as_millis()),
    )?;

    stage.live().await?;
    let load = running(stage).await?;
    stage.stack.authority.kill().await?;
    closes(
        stage,
        narrator,
        load,
        "killed (SIGKILL): closed within the lease",
    )
    .await?;
    let parts = stage.stack.parts.clone();
    stage.stack.authority.restart(&parts).await?;
    let took = stage.recovered(RECOVERY).await?;
    narrator.step(
        "started again: open again by itself",
        true,
        &format!("{} ms", took.as_millis()),
    )?;
    stage.live().await
}

/// Load that is being allowed.
async fn running(stage: &Stage) -> Result<Load> {
    let load = Load::start(stage.agent.port());
    wait::until("the load is allowed", Duration::from_secs(10), async || {
        (load.allowed() > 200).then_some(())
    })
    .await?;
    Ok(load)
}

/// Watches the load from now on for more than a lease.
async fn closes(stage: &mut Stage, narrator: &mut Narrator, load: Load, claim: &str) -> Result<()> {
    let cut = Instant::now();
    wait::until("the lease and more has passed", LEASE * 4, async || {
        (cut.elapsed() > LEASE * 2).then_some(())
    })
    .await?;
    let sent = load.stop().await?;
    stage.note(&sent);
    let arrivals = stage.upstream.arrivals.all();
    let last = arrivals
        .iter()
        .filter(|arrival| arrival.mark.is_some())
        .map(|arrival| arrival.at)
        .max();
    let last = last.map_or(Duration::ZERO, |at| at.saturating_duration_since(cut));
    let after: Vec<_> = sent
        .iter()
        .filter(|request| request.at > cut + LEASE + GRACE)
        .collect();
    let closed = !after.is_empty() && after.iter().all(|request| request.status == 503);
    let reason = after
        .first()
        .and_then(|request| request.reason.clone())
        .unwrap_or_default();
    narrator.step(
        claim,
        closed && last <= LEASE + GRACE,
        &format!(
            "last payment {} ms after; {} later requests: 503 {reason}",
            last.as_millis(),
            after.len()
        ),
    )
}
