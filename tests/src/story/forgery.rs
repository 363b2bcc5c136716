//! Stolen, tampered, expired and forged mandates, straight at the resource side.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::Stage;
use super::narrator::Narrator;
use super::stage::payment;
use crate::client::Request;
use crate::mandates;
use crate::stack::zone::Grant;
use crate::stack::{ZONE, wait};
use crate::upstream::BANK;

pub(super) async fn play(stage: &mut Stage, narrator: &mut Narrator) -> Result<()> {
    narrator.chapter("Mandates that are stolen, changed, too old or forged")?;
    let mut exchange = stage.exchange("payout").await?;
    let good = exchange.mandate("POST", BANK, "/payments").await?;
    let jwks = stage.stack.authority.jwks(ZONE).await?;

    let answer = stage.direct("payout", &payment().mandate(&good)).await?;
    narrator.step(
        "the holder's own mandate is accepted, so what follows fails for the right reason",
        answer.status == 200,
        &answer.verdict(),
    )?;

    expect(
        stage,
        narrator,
        "research",
        &good,
        "holder_mismatch",
        "the same mandate in another workload's hands is worthless",
    )
    .await?;
    expect(
        stage,
        narrator,
        "payout",
        &mandates::tampered(&good)?,
        "invalid_mandate.signature",
        "one claim changed: the signature does not verify",
    )
    .await?;
    expect(
        stage,
        narrator,
        "payout",
        &mandates::unsigned(&good)?,
        "invalid_mandate.algorithm",
        "alg=none is refused",
    )
    .await?;
    let confused = mandates::hs256_with_public_key(&good, &jwks)?;
    expect(
        stage,
        narrator,
        "payout",
        &confused,
        "invalid_mandate",
        "HS256 with the zone's public key as the secret is refused",
    )
    .await?;

    let short = short_lived(stage).await?;
    let answer = stage
        .direct("research", &invoice_payment().mandate(&short))
        .await?;
    let expires = mandates::claims(&short)?
        .get("exp")
        .and_then(Value::as_u64)
        .context("no exp")?;
    let lived = answer.status == 200;
    let answer = wait::until("the mandate expires", Duration::from_secs(10), async || {
        let answer = stage
            .direct("research", &invoice_payment().mandate(&short))
            .await
            .ok()?;
        (answer.status != 200).then_some(answer)
    })
    .await?;
    let stopped =
        (answer.status, answer.reason.as_deref()) == (401, Some("invalid_mandate.expired"));
    narrator.step(
        "a mandate of a grant with a lifetime of 2 s works, and stops by itself",
        lived && stopped,
        &format!("200, then {} (exp {expires})", answer.verdict()),
    )
}

fn invoice_payment() -> Request {
    Request::get(BANK, "/accounts/42")
}

/// A mandate that lives for two seconds.
async fn short_lived(stage: &Stage) -> Result<String> {
    let grant = Grant {
        application: "research-agent",
        resource: "mercury-bank",
        scopes: &["accounts:read"],
        max_lifetime: Some(2),
    };
    stage.stack.grant(grant).await?;
    stage
        .exchange("research")
        .await?
        .mandate("GET", BANK, "/accounts/42")
        .await
}

/// A mandate is refused with 401 for a reason that starts as given, and nothing passes.
async fn expect(
    stage: &mut Stage,
    narrator: &mut Narrator,
    workload: &str,
    token: &str,
    reason: &str,
    claim: &str,
) -> Result<()> {
    let before = stage.upstream.arrivals.count();
    let answer = stage.direct(workload, &payment().mandate(token)).await?;
    let right = answer.status == 401
        && answer
            .reason
            .as_deref()
            .is_some_and(|seen| seen.starts_with(reason));
    let nothing = stage.upstream.arrivals.count() == before;
    narrator.step(claim, right && nothing, &answer.verdict())
}
