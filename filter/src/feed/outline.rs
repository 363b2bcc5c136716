//! Everything that decides what a feed does next, for a model checker to compare states by.

use std::collections::VecDeque;

use caracal_mandate::version::Version;

use super::{Feed, Incoming};
use crate::authority::Authority;

/// The whole state of a feed but the length of its lease, which never changes.
#[derive(Debug)]
pub struct Outline<'a> {
    /// End of the lease.
    pub until: Option<u64>,
    /// Unanswered pings, oldest first: nonce, and when it left.
    pub pings: &'a VecDeque<(u64, u64)>,
    /// Nonce of the next ping.
    pub next_nonce: u64,
    /// What is applied.
    pub current: Option<&'a Authority>,
    /// Highest version that was ever applied.
    pub floor: Version,
    /// The snapshot that is being received, and its items so far.
    pub incoming: Option<(&'a Authority, u64)>,
    /// Whether this stream has delivered its snapshot.
    pub synced: bool,
}

impl Feed {
    /// The state as plain data.
    #[must_use]
    pub fn outline(&self) -> Outline<'_> {
        // Taken apart without `..`: a new field is either shown or knowingly left out.
        let Self {
            lease,
            current,
            floor,
            incoming,
            synced,
        } = self;
        let (until, pings, next_nonce) = lease.parts();
        let incoming = incoming.as_ref().map(|incoming| {
            let Incoming { authority, items } = incoming;
            (authority, *items)
        });
        Outline {
            until,
            pings,
            next_nonce,
            current: current.as_ref(),
            floor: *floor,
            incoming,
            synced: *synced,
        }
    }
}
