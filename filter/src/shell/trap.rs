//! Traps on demand, for the fault tests and for nothing else: this is compiled with the feature
//! `trap` alone, into a module of its own name. A request that names a point arms it; what is armed is
//! in the VM's memory, so the VM that is loaded instead has forgotten it.

use std::cell::Cell;

use crate::head::Pairs;

/// The header that arms.
const HEADER: &str = "x-trap";

/// Where a VM can be made to trap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Point {
    /// In the callback of a request's head.
    Head,
    /// In the callback of the clock.
    Tick,
    /// In the callback of a message of the feed.
    Feed,
    /// In the callback of an answer to a question.
    Answer,
}

thread_local! {
    static ARMED: Cell<Option<Point>> = const { Cell::new(None) };
}

/// Arms what a request names.
pub(super) fn arm(pairs: &Pairs) {
    let named = pairs.iter().find(|(name, _)| name == HEADER);
    let point = match named.map(|(_, value)| value.as_slice()) {
        Some(b"head") => Point::Head,
        Some(b"tick") => Point::Tick,
        Some(b"feed") => Point::Feed,
        Some(b"answer") => Point::Answer,
        _ => return,
    };
    ARMED.set(Some(point));
}

/// Traps, if this point is armed.
#[expect(
    clippy::panic,
    reason = "what a bug would do is what it is to be like, message and all"
)]
pub(super) fn spring(point: Point) {
    if ARMED.get() == Some(point) {
        panic!("trapped on demand: {point:?}");
    }
}
