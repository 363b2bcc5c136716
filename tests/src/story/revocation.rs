//! Revoking under load: how long until nothing passes any more.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;
use tokio::time::Instant;

use super::Stage;
use super::load::{Load, Sent};
use super::narrator::Narrator;
use super::stage::LEASE;
use crate::stack::zone::Grant;
use crate::stack::{ZONE, wait};

pub(super) async fn play(stage: &mut Stage, narrator: &mut Narrator) -> Result<()> {
    narrator.chapter("Revoking the grant while 16 connections pay")?;
    let grant = payment_grant(stage).await?;
    let load = Load::start(stage.agent.port());
    wait::until("the load is allowed", Duration::from_secs(10), async || {
        (load.allowed() > 200).then_some(())
    })
    .await?;

    let target = format!("grant/{grant}");
    let asked = Instant::now();
    let answer = stage
        .stack
        .caracal(&["revoke", &target, "--wait", "--zone", ZONE])
        .await?;
    let acknowledged = Instant::now();
    let refused_so_far = load.allowed();
    wait::until("the load goes on for a lease", LEASE * 2, async || {
        (acknowledged.elapsed() > LEASE).then_some(())
    })
    .await?;
    let sent = load.stop().await?;
    stage.note(&sent);

    let first = sent
        .iter()
        .filter(|request| refused(request))
        .map(|request| request.answered)
        .min();
    let first = first.context("nothing was refused after the revocation")?;
    let number = |name: &str| answer.get(name).and_then(Value::as_u64).unwrap_or_default();
    let (acknowledgements, expected) = (number("acknowledged"), number("expected"));
    narrator.step(
        "every enforcement point acknowledges the revocation",
        acknowledgements == expected && expected > 0,
        &format!(
            "{acknowledgements} of {expected} in {} ms after the commit; first refusal {:.1} ms after the command was started",
            number("waited_ms"),
            first.saturating_duration_since(asked).as_secs_f64() * 1000.0,
        ),
    )?;

    let late_marks: HashSet<_> = sent
        .iter()
        .filter(|request| request.at > acknowledged)
        .map(|request| request.mark)
        .collect();
    let arrivals = stage.upstream.arrivals.all();
    let reached = |after: Instant| {
        arrivals
            .iter()
            .filter(|arrival| arrival.mark.is_some() && arrival.at > after)
            .count()
    };
    let late = arrivals
        .iter()
        .filter(|arrival| arrival.mark.is_some_and(|mark| late_marks.contains(&mark)))
        .count();
    narrator.step(
        "no request that was sent after the acknowledgement reached the bank",
        late == 0 && !late_marks.is_empty(),
        &format!(
            "0 expected, {late} seen of {} sent; {refused_so_far} paid before",
            late_marks.len()
        ),
    )?;
    // The commit lies between the start of the command and its answer, so this is the strict reading.
    let beyond = reached(asked + LEASE + Duration::from_millis(50));
    narrator.step(
        "none reached it later than the lease after the commit",
        beyond == 0,
        &format!("{beyond} seen"),
    )?;

    let scopes = &["payments:write"][..];
    let again = Grant {
        application: "payout-agent",
        resource: "mercury-bank",
        scopes,
        max_lifetime: None,
    };
    stage.stack.grant(again).await?;
    let took = stage.recovered(Duration::from_secs(10)).await?;
    narrator.step(
        "a new grant opens it again",
        true,
        &format!("{} ms", took.as_millis()),
    )
}

fn refused(request: &Sent) -> bool {
    request.status == 401 || request.status == 403
}

/// The grant that payments rest on now.
async fn payment_grant(stage: &Stage) -> Result<String> {
    let mut exchange = stage.exchange("payout").await?;
    let token = exchange
        .mandate("POST", crate::upstream::BANK, "/payments")
        .await?;
    let claims = crate::mandates::claims(&token)?;
    Ok(claims
        .get("grant")
        .and_then(Value::as_str)
        .context("no grant in the mandate")?
        .to_owned())
}
