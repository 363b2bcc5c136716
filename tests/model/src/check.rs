//! Exploring, and telling what was found.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use stateright::{Checker, HasDiscoveries, Model as _, Path};

use crate::canon::State;
use crate::properties::LAWS;
use crate::protocol::Protocol;
use crate::step::Step;

/// What an exploration came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explored {
    /// States that differ in what can still matter.
    pub states: usize,
    /// Steps that were tried.
    pub steps: usize,
    /// Longest of the shortest ways to a state.
    pub depth: usize,
    /// Whether nothing was left to explore.
    pub complete: bool,
    /// Laws that do not hold, each with the way there.
    pub broken: Vec<Counterexample>,
    /// What has to be possible and was found to be.
    pub possible: Vec<&'static str>,
    /// What has to be possible and never was.
    pub impossible: Vec<&'static str>,
}

/// A way to a state in which a law is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counterexample {
    /// Which law.
    pub law: &'static str,
    /// Step by step, with the time of each.
    pub steps: Vec<String>,
}

#[expect(
    clippy::disallowed_methods,
    reason = "patience is of whoever waits for the check"
)]
fn now() -> Instant {
    Instant::now()
}

/// Explores everything. Stops at `patience`, and then is not complete.
#[must_use]
pub fn explore(protocol: &Protocol, threads: usize, patience: Duration) -> Explored {
    let begun = now();
    let checker = protocol
        .clone()
        .checker()
        .threads(threads)
        .finish_when(HasDiscoveries::AnyFailures)
        .timeout(patience)
        .spawn_bfs()
        .join();
    let found = checker.discoveries();
    let mut broken = Vec::new();
    for law in LAWS {
        if let Some(path) = found.get(law) {
            broken.push(Counterexample {
                law,
                steps: tell(protocol, path),
            });
        }
    }
    let wanted = protocol.properties();
    let wanted = wanted.iter().map(|property| property.name);
    let wanted = wanted.filter(|name| !LAWS.contains(name));
    let (possible, impossible) = wanted.partition(|name| found.contains_key(name));
    Explored {
        states: checker.unique_state_count(),
        steps: checker.state_count(),
        depth: checker.max_depth(),
        complete: checker.is_done() && begun.elapsed() < patience,
        broken,
        possible,
        impossible,
    }
}

/// A way to break a law, or nothing if none was found. The checker goes by depth on one thread, so it
/// is a shortest one, or longer by the steps of one block of states at most.
#[must_use]
pub fn shortest(
    protocol: &Protocol,
    law: &'static str,
    patience: Duration,
) -> Option<Counterexample> {
    let checker = protocol
        .clone()
        .checker()
        .finish_when(HasDiscoveries::AnyOf([law].into()))
        .timeout(patience);
    let path = checker.spawn_bfs().join().discovery(law)?;
    Some(Counterexample {
        law,
        steps: tell(protocol, &path),
    })
}

/// A state, and the step that was taken from it.
type Taken = (State, Option<Step>);

fn tell(protocol: &Protocol, path: &Path<State, Step>) -> Vec<String> {
    let path = path.clone().into_vec();
    let begin = path.first().map_or(0, |(state, _)| state.world.now);
    let pairs = path.iter().zip(path.iter().skip(1));
    let line = |((before, step), (after, _)): (&Taken, &Taken)| {
        let told = step.map(|step| step.tell(&before.world, &after.world, &protocol.size));
        format!(
            "{:>3}  {}",
            before.world.now - begin,
            told.unwrap_or_default()
        )
    };
    pairs.map(line).collect()
}

impl Counterexample {
    /// For people: a title, and a line for each step.
    #[must_use]
    pub fn report(&self) -> String {
        let mut text = format!("broken: {}\n", self.law);
        for step in &self.steps {
            let _ = writeln!(text, "  {step}");
        }
        text
    }
}
