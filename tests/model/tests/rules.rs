//! Rules are needed: without one the checker finds a way to break a law.

#![expect(
    clippy::panic,
    reason = "a rule that nothing breaks without is a failure"
)]

use std::time::Duration;

use caracal_model::check::shortest;
use caracal_model::mutant::Mutant;
use caracal_model::plan::{SHOWN, shown_by};
use caracal_model::protocol::Protocol;

const PATIENCE: Duration = Duration::from_mins(20);

fn breaks(mutants: impl IntoIterator<Item = Mutant>) {
    for mutant in mutants {
        let (law, size) = shown_by(mutant);
        let found = shortest(&Protocol::without(size, mutant), law, PATIENCE);
        let found = found.unwrap_or_else(|| panic!("nothing breaks when {}", mutant.what()));
        assert!(found.steps.len() > 2, "{}", found.report());
    }
}

/// In two halves, for two processors.
#[test]
fn without_any_one_rule_a_law_falls() {
    breaks(SHOWN.into_iter().step_by(2));
}

#[test]
fn nor_does_it_stand_without_any_of_the_others() {
    breaks(SHOWN.into_iter().skip(1).step_by(2));
}
