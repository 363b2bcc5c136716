//! What reached the services against what was allowed.

use std::collections::HashSet;

use anyhow::Result;

use super::Stage;
use super::load::CONNECTIONS;
use super::narrator::Narrator;
use crate::upstream::{BANK, COMPLIANCE, INVOICES};

pub(super) fn play(stage: &Stage, narrator: &mut Narrator) -> Result<()> {
    narrator.chapter("Counted at the protected services")?;
    let arrivals = stage.upstream.arrivals.all();
    let known = arrivals
        .iter()
        .filter(|arrival| [BANK, INVOICES, COMPLIANCE].contains(&arrival.host.as_str()))
        .count();
    let marks: Vec<_> = arrivals.iter().filter_map(|arrival| arrival.mark).collect();
    let each_once = marks.iter().collect::<HashSet<_>>().len() == marks.len();
    let cut = marks.iter().filter(|mark| stage.cut.contains(mark)).count();
    narrator.step(
        "as many requests reached them as were allowed, each once, and no other",
        arrivals.len() == stage.allowed + cut
            && known == arrivals.len()
            && each_once
            // Authority ends once in each run, and cuts what is under way then.
            && cut <= stage.loads * CONNECTIONS,
        &format!(
            "{} arrived; {} were allowed and answered, {cut} were allowed and cut under way",
            arrivals.len(),
            stage.allowed
        ),
    )?;
    let leaked = arrivals.iter().filter(|arrival| arrival.leaked).count();
    narrator.step(
        "no mandate reached a service",
        leaked == 0,
        &format!("{leaked} seen"),
    )
}
