//! Suspending an application: a revocation that can be undone.

use std::time::Duration;

use anyhow::Result;
use serde_json::Value;

use super::Stage;
use super::narrator::Narrator;
use super::stage::payment;
use crate::stack::ZONE;

const AGENT: &str = "application/payout-agent";

pub(super) async fn play(stage: &mut Stage, narrator: &mut Narrator) -> Result<()> {
    narrator.chapter("Suspending the agent, and resuming it")?;
    let suspend = ["suspend", AGENT, "--wait", "--zone", ZONE];
    let answer = stage.stack.caracal(&suspend).await?;
    let number = |name: &str| answer.get(name).and_then(Value::as_u64).unwrap_or_default();
    let before = stage.upstream.arrivals.all().len();
    let refused = stage.as_agent(&payment()).await?;
    let reached = stage.upstream.arrivals.all().len() - before;
    narrator.step(
        "suspended: its mandates are good for nothing, and it gets no new one",
        refused.status != 200
            && refused.verdict().contains("suspended")
            && reached == 0
            && number("acknowledged") == number("expected"),
        &format!("{}; {reached} requests at the bank", refused.verdict()),
    )?;
    let resume = ["resume", AGENT, "--zone", ZONE];
    stage.stack.caracal(&resume).await?;
    let took = stage.recovered(Duration::from_secs(10)).await?;
    narrator.step(
        "resumed: it goes on",
        true,
        &format!("{} ms", took.as_millis()),
    )
}
