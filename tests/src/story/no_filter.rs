//! The net: an Envoy without the filter is closed.

use anyhow::Result;

use super::Stage;
use super::narrator::Narrator;
use super::stage::payment;
use crate::stack::envoy::{Envoy, without_filter};
use crate::upstream::BANK;

pub(super) async fn play(stage: &mut Stage, narrator: &mut Narrator) -> Result<()> {
    narrator.chapter("Somebody removes the filter from the resource side")?;
    let original = stage.resource.configuration.clone();
    let bare = original.edited(without_filter).await?;
    let mandate = stage
        .exchange("payout")
        .await?
        .mandate("POST", BANK, "/payments")
        .await?;
    restart(stage, bare).await?;

    let before = stage.upstream.arrivals.count();
    let answer = stage.direct("payout", &payment().mandate(&mandate)).await?;
    let nothing = stage.upstream.arrivals.count() == before;
    narrator.step(
        "without the filter nothing passes, not even with a good mandate",
        answer.status == 403 && nothing,
        &format!(
            "{} from Envoy's own RBAC, {} at the bank",
            answer.status,
            stage.upstream.arrivals.count() - before
        ),
    )?;

    restart(stage, original).await?;
    stage.live().await?;
    let answer = stage.as_agent(&payment()).await?;
    narrator.step(
        "with the filter back it is open again",
        answer.status == 200,
        &answer.verdict(),
    )
}

async fn restart(stage: &mut Stage, configuration: crate::stack::envoy::Rendered) -> Result<()> {
    stage.resource.kill().await?;
    let folder = stage.stack.folder().to_owned();
    stage.resource = Envoy::start(&stage.stack.parts, configuration, 2, &folder).await?;
    Ok(())
}
