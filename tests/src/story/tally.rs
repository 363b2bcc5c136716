//! What reached the services against what was allowed.

use anyhow::Result;

use super::Stage;
use super::narrator::Narrator;
use crate::upstream::{BANK, COMPLIANCE, INVOICES};

pub(super) fn play(stage: &Stage, narrator: &mut Narrator) -> Result<()> {
    narrator.chapter("Counted at the protected services")?;
    let arrivals = stage.upstream.arrivals.all();
    let known = arrivals
        .iter()
        .filter(|arrival| [BANK, INVOICES, COMPLIANCE].contains(&arrival.host.as_str()))
        .count();
    narrator.step(
        "as many requests reached them as were allowed, and no other",
        arrivals.len() == stage.allowed && known == arrivals.len(),
        &format!("{} arrived, {} were allowed", arrivals.len(), stage.allowed),
    )?;
    let leaked = arrivals.iter().filter(|arrival| arrival.leaked).count();
    narrator.step(
        "no mandate reached a service",
        leaked == 0,
        &format!("{leaked} seen"),
    )
}
