//! The guided tour: an unchanged agent, two Envoys, one authority, and everything that goes wrong.
//!
//! Every step asserts; none is decided by a status code where the count of what reached the
//! protected services can decide.

mod authority_outage;
mod first_payment;
mod forgery;
mod ledger;
mod load;
pub mod narrator;
mod no_filter;
mod revocation;
mod stage;
mod suspension;
mod tally;

use anyhow::Result;

use crate::Boxed;
use narrator::Narrator;
pub use stage::Stage;

/// Plays every act. The stage is left as a working system, for trying things by hand.
pub fn play(narrator: &mut Narrator) -> Boxed<'_, Result<Stage>> {
    Box::pin(acts(narrator))
}

async fn acts(narrator: &mut Narrator) -> Result<Stage> {
    narrator
        .chapter("Starting: one authority, two Envoys with the filter, three protected services")?;
    let mut stage = Stage::build(narrator).await?;
    first_payment::play(&mut stage, narrator).await?;
    forgery::play(&mut stage, narrator).await?;
    revocation::play(&mut stage, narrator).await?;
    suspension::play(&mut stage, narrator).await?;
    authority_outage::play(&mut stage, narrator).await?;
    ledger::play(&mut stage, narrator).await?;
    no_filter::play(&mut stage, narrator).await?;
    tally::play(&stage, narrator)?;
    Ok(stage)
}
