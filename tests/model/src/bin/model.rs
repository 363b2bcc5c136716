//! `make model`: explores the sizes of the plan, breaks each rule once, and prints what was found.
//!
//! Without arguments everything; `caracal-model sizes [NAME]` and `caracal-model rules [NAME]` a part.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use caracal_model::check::{explore, shortest};
use caracal_model::mutant::Mutant;
use caracal_model::plan::{BOUNDED, LONG, SHORT, UNSHOWN, shown_by};
use caracal_model::protocol::Protocol;
use caracal_model::size::Size;

/// Longer than any exploration takes that has an end.
const PATIENCE: Duration = Duration::from_hours(1);

/// For those that have none in reach, and for each rule.
const SHORT_PATIENCE: Duration = Duration::from_mins(5);

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let part = arguments.next().unwrap_or_default();
    let name = arguments.next().unwrap_or_default();
    let mut good = true;
    if part != "rules" {
        println!(
            "{:>10} {:>11} {:>5} {:>8}  size",
            "states", "steps", "depth", "seconds"
        );
        let sizes = SHORT.iter().chain(&LONG);
        for size in sizes.filter(|size| size.name.contains(&name)) {
            good &= one(*size, PATIENCE, true);
        }
        for size in BOUNDED.iter().filter(|size| size.name.contains(&name)) {
            good &= one(*size, SHORT_PATIENCE, false);
        }
    }
    if part != "sizes" {
        for mutant in Mutant::ALL {
            if format!("{mutant:?}").contains(&name) {
                good &= without(mutant) || UNSHOWN.contains(&mutant);
            }
        }
    }
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the time that an exploration takes is what is measured"
)]
fn now() -> Instant {
    Instant::now()
}

/// `to_the_end`: whether there is an end, and the exploration has to come to it.
fn one(size: Size, patience: Duration, to_the_end: bool) -> bool {
    let begun = now();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let found = explore(&Protocol::new(size), threads, patience);
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{:>10} {:>11} {:>5} {seconds:>8.1}  {}",
        found.states, found.steps, found.depth, size.name
    );
    if !found.complete {
        println!("            not to the end");
    }
    for counterexample in &found.broken {
        print!("{}", counterexample.report());
    }
    for name in &found.impossible {
        println!("never: {name}");
    }
    let all = found.complete && found.impossible.is_empty();
    found.broken.is_empty() && (all || !to_the_end)
}

fn without(mutant: Mutant) -> bool {
    let (law, size) = shown_by(mutant);
    println!("\nWhen {}:", mutant.what());
    if let Some(counterexample) = shortest(&Protocol::without(size, mutant), law, SHORT_PATIENCE) {
        print!("{}", counterexample.report());
        true
    } else {
        println!(
            "nothing was found to break in {} s",
            SHORT_PATIENCE.as_secs()
        );
        false
    }
}
