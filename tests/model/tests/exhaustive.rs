//! Every order of events, for small sizes: the laws hold, and not because nothing happens.
//!
//! `make model` explores the larger sizes.

use std::time::Duration;

use caracal_model::check::explore;
use caracal_model::plan::SHORT;
use caracal_model::protocol::Protocol;

/// Beyond this something is wrong with the model, not with the machine.
const PATIENCE: Duration = Duration::from_mins(20);

#[test]
fn the_laws_hold_in_every_order_of_events() {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    for size in SHORT {
        let found = explore(&Protocol::new(size), threads, PATIENCE);
        let told: Vec<String> = found
            .broken
            .iter()
            .map(caracal_model::check::Counterexample::report)
            .collect();
        assert!(
            found.broken.is_empty(),
            "{}: {}",
            size.name,
            told.join("\n")
        );
        assert_eq!(found.impossible, Vec::<&str>::new(), "{}", size.name);
        assert!(
            found.complete,
            "{}: {} states are not all",
            size.name, found.states
        );
        assert!(
            found.states > 10_000,
            "{}: {} states",
            size.name,
            found.states
        );
    }
}
