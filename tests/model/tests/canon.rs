//! What the checker takes for one state has one future: else it would have left something out.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    reason = "overflow checks are on, and a helper that fails is a test that fails"
)]

use std::collections::{BTreeSet, HashMap};

use caracal_model::canon::State;
use caracal_model::plan::{BOUNDED, LONG, SHORT};
use caracal_model::protocol::Protocol;
use caracal_model::step::Step;
use stateright::Model as _;

/// A small generator of its own: the walks are the same in every run.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}

fn futures(protocol: &Protocol, state: &State) -> BTreeSet<Vec<u8>> {
    let mut steps: Vec<Step> = Vec::new();
    protocol.actions(state, &mut steps);
    let next = |step| protocol.next_state(state, step);
    steps
        .into_iter()
        .filter_map(next)
        .map(|next| next.bytes())
        .collect()
}

fn holds(protocol: &Protocol, state: &State) -> Vec<bool> {
    let properties = protocol.properties();
    let held = properties
        .iter()
        .map(|property| (property.condition)(protocol, state));
    held.collect()
}

#[test]
fn states_that_are_taken_for_one_have_one_future() {
    for size in SHORT.iter().chain(&LONG).chain(&BOUNDED) {
        let protocol = Protocol::new(*size);
        let mut dice = Dice(7);
        let mut known: HashMap<Vec<u8>, State> = HashMap::new();
        let mut compared = 0;
        for _ in 0..150 {
            let mut state = protocol.init_states().remove(0);
            for _ in 0..60 {
                let mut steps = Vec::new();
                protocol.actions(&state, &mut steps);
                if steps.is_empty() {
                    break;
                }
                let step = steps[dice.throw(steps.len())];
                // Long enough that times and names differ from those of the first walk.
                if step == Step::Calm && dice.throw(8) > 0 {
                    continue;
                }
                state = protocol.next_state(&state, step).unwrap();
                match known.get(&state.bytes()) {
                    None => drop(known.insert(state.bytes(), state.clone())),
                    Some(same) if same.world.now == state.world.now => {}
                    Some(same) => {
                        compared += 1;
                        let name = size.name;
                        assert_eq!(holds(&protocol, same), holds(&protocol, &state), "{name}");
                        assert_eq!(
                            futures(&protocol, same),
                            futures(&protocol, &state),
                            "{name}"
                        );
                    }
                }
            }
        }
        assert!(compared > 100, "{}: only {compared} compared", size.name);
    }
}
