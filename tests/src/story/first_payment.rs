//! Nothing without a grant; with one, exactly what it says.

use anyhow::Result;

use super::Stage;
use super::narrator::Narrator;
use super::stage::{AgentCall, payment};
use crate::client::Request;
use crate::upstream::BANK;

pub(super) async fn play(stage: &mut Stage, narrator: &mut Narrator) -> Result<()> {
    narrator.chapter("An unchanged agent: no key, no token, no header of ours")?;
    stage.stack.activate_policy().await?;
    let before = stage.upstream.arrivals.count();
    let calls = stage.run_agent().await?;
    let refused = calls
        .iter()
        .all(|call| (call.status, call.reason.as_deref()) == (403, Some("no_grant")));
    narrator.step(
        "without a grant the agent is refused at its first call",
        refused && !calls.is_empty() && stage.upstream.arrivals.count() == before,
        &seen(&calls),
    )?;

    stage.stack.grant_payout().await?;
    let before = stage.upstream.arrivals.count();
    let calls = stage.run_agent().await?;
    narrator.step(
        "with a grant and a policy it reads the invoice, has the payee checked, and pays",
        calls.len() == 3
            && calls.iter().all(|call| call.status == 200)
            && stage.upstream.arrivals.count() == before + 3,
        &seen(&calls),
    )?;

    narrator.chapter("Exactly what was granted, nowhere else, and not around it")?;
    let answer = stage.as_agent(&Request::get(BANK, "/accounts/42")).await?;
    narrator.step(
        "a scope that was not granted is refused",
        answer.status == 403,
        &answer.verdict(),
    )?;

    let answer = stage.as_agent(&Request::get("paste.example", "/")).await?;
    let unregistered = answer.reason.as_deref() == Some("resource_unregistered");
    narrator.step(
        "a host that is not registered is refused",
        answer.status == 403 && unregistered,
        &answer.verdict(),
    )?;

    let answer = stage.direct("payout", &payment()).await?;
    let bare = answer.reason.as_deref() == Some("no_mandate");
    narrator.step(
        "straight to the resource side, with a good certificate but no mandate, is refused",
        answer.status == 401 && bare,
        &answer.verdict(),
    )
}

fn seen(calls: &[AgentCall]) -> String {
    let line = |call: &AgentCall| {
        let AgentCall {
            method,
            url,
            status,
            reason,
        } = call;
        let host = url
            .trim_start_matches("http://")
            .split('/')
            .next()
            .unwrap_or_default();
        format!(
            "{method} {host} {status}{}",
            reason
                .as_ref()
                .map(|reason| format!(" {reason}"))
                .unwrap_or_default()
        )
    };
    calls.iter().map(line).collect::<Vec<_>>().join(", ")
}
