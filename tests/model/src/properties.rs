//! What must never be true, and what has to be possible.

use stateright::Property;

use crate::canon::State;
use crate::protocol::Protocol;
use crate::size::Size;
use crate::world::World;

/// Nothing is allowed a lease or more after the commit that revoked it.
pub const BOUND: &str = "no allow a lease after the commit";
/// A point never goes back to an earlier state.
pub const FORWARD: &str = "a point never goes back";
/// A point decides on whole states only.
pub const WHOLE: &str = "no allow on half a state";
/// What was reported to be in effect is.
pub const EFFECT: &str = "no allow after it is reported in effect";
/// After the faults every point lives again.
pub const ALIVE: &str = "lives again after the faults";

/// All that must hold.
pub const LAWS: [&str; 5] = [BOUND, FORWARD, WHOLE, EFFECT, ALIVE];

/// What shows that the laws are not kept by doing nothing.
pub const POSSIBLE: [&str; 4] = [
    "a point decides alone",
    "a point decides alone on a revocation",
    "a revocation is reported in effect",
    "the service's word is taken",
];

fn clock(model: &Protocol, world: &World, point: usize) -> u64 {
    world.point_clock(&model.size, point)
}

fn allowed(model: &Protocol, world: &World, position: u64) -> bool {
    let points = world.points.iter().enumerate();
    points
        .into_iter()
        .any(|(at, point)| point.allows(position, clock(model, world, at)))
}

fn bound(model: &Protocol, state: &World) -> bool {
    let world = state;
    let late = |position: &u64| world.is_old(&model.size, *position);
    let mut late = world.revocations().filter(late);
    !world.seen.late_word && !late.any(|position: u64| allowed(model, world, position))
}

fn forward(_: &Protocol, world: &World) -> bool {
    !world.seen.went_back
}

fn whole(model: &Protocol, world: &World) -> bool {
    let mut points = world.points.iter().enumerate();
    points.all(|(at, point)| point.is_whole(clock(model, world, at)))
}

fn effect(model: &Protocol, world: &World) -> bool {
    let mut reported = world.revocations().filter(|at| *at <= world.in_effect);
    !world.seen.word_after_effect && !reported.any(|position| allowed(model, world, position))
}

fn alive(_: &Protocol, world: &World) -> bool {
    !world.seen.dead
}

fn decides(model: &Protocol, world: &World) -> bool {
    let mut points = world.points.iter().enumerate();
    points.any(|(at, point)| point.feed.live(clock(model, world, at)).is_some())
}

fn refuses(model: &Protocol, world: &World) -> bool {
    let held = |authority: &caracal_filter::authority::Authority| !authority.revocations.is_empty();
    let mut points = world.points.iter().enumerate();
    points.any(|(at, point)| point.feed.live(clock(model, world, at)).is_some_and(held))
}

fn reported(_: &Protocol, world: &World) -> bool {
    world.in_effect > crate::wire::FIRST
}

/// The properties of a size.
#[must_use]
pub fn of(size: &Size) -> Vec<Property<Protocol>> {
    let mut all = vec![
        Property::always(BOUND, |model: &Protocol, state: &State| {
            bound(model, &state.world)
        }),
        Property::always(FORWARD, |model: &Protocol, state: &State| {
            forward(model, &state.world)
        }),
        Property::always(WHOLE, |model: &Protocol, state: &State| {
            whole(model, &state.world)
        }),
        Property::sometimes(POSSIBLE[0], |model: &Protocol, state: &State| {
            decides(model, &state.world)
        }),
    ];
    if size.commits > 0 {
        all.push(Property::sometimes(
            POSSIBLE[1],
            |model: &Protocol, state: &State| refuses(model, &state.world),
        ));
    }
    if size.wait {
        all.push(Property::always(
            EFFECT,
            |model: &Protocol, state: &State| effect(model, &state.world),
        ));
        all.push(Property::sometimes(
            POSSIBLE[2],
            |model: &Protocol, state: &State| reported(model, &state.world),
        ));
    }
    if size.calm {
        all.push(Property::always(
            ALIVE,
            |model: &Protocol, state: &State| alive(model, &state.world),
        ));
    }
    all
}
