//! Requests that were let through and are not over: long responses, gRPC streams, upgraded connections.
//!
//! A decision is good for one request, but a request may last for hours. So each rests on its mandate
//! for as long as it lasts, and ends when the mandate does: when it expires, when it or something
//! that it descends from is revoked, when its key goes. Where authority is not live, nobody knows: then
//! what was decided here ends with the lease that it was decided under, and what the service let
//! through ends with the service's word. So nothing goes on a lease after a revocation, heard of or not.

use std::rc::Rc;

use caracal_mandate::verify::VerifiedMandate;
use caracal_mandate::version::Version;

use super::entry::Entry;
use super::facts::{StreamId, StreamMap};
use crate::authority::Authority;
use crate::time::Moment;

/// Most requests under way in one VM. Further ones are refused: one that is forgotten could not be
/// cut.
pub(super) const MAX_STREAMS: usize = 65_536;

/// One request.
#[derive(Debug, Default)]
pub(super) struct Open {
    /// What it rests on, where that was verified here.
    pub(super) mandate: Option<Rc<VerifiedMandate>>,
    /// Until when the service's word is good, in monotonic milliseconds; 0 without one.
    pub(super) word_until_ms: u64,
    /// Where the decision on it is.
    pub(super) entry: Entry,
    /// Whether it was named as one that may not go on.
    pub(super) is_cut: bool,
}

impl Open {
    fn has_ended(&self, authority: Option<&Authority>, changed: bool, now: Moment) -> bool {
        let (Some(authority), Some(mandate)) = (authority, &self.mandate) else {
            return now.monotonic_ms >= self.word_until_ms;
        };
        let expired = now.unix_s() >= mandate.claims().exp;
        // What has not changed need not be asked again.
        let revoked = || {
            mandate.holds(now.unix_s(), &authority.revocations).is_err()
                || authority.keys.get(mandate.kid()).is_none()
        };
        expired || (changed && revoked())
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Streams {
    open: StreamMap<Open>,
    /// State that all of them were held against.
    looked_at: Option<Version>,
}

impl Streams {
    pub(super) fn is_full(&self) -> bool {
        self.open.len() >= MAX_STREAMS
    }

    /// A request is let through: on its mandate, which was held against the present state just now,
    /// or on the service's word, which may be older than a revocation that is here. Gives the one that
    /// was known by this number, whose end nobody saw.
    pub(super) fn begin(&mut self, stream: StreamId, open: Open) -> Option<Open> {
        // The word may be of a state before the one that all were held against.
        if open.word_until_ms > 0 {
            self.looked_at = None;
        }
        self.open.insert(stream, open)
    }

    pub(super) fn get(&self, stream: StreamId) -> Option<&Open> {
        self.open.get(&stream)
    }

    pub(super) fn get_mut(&mut self, stream: StreamId) -> Option<&mut Open> {
        self.open.get_mut(&stream)
    }

    pub(super) fn end(&mut self, stream: StreamId) -> Option<Open> {
        self.open.remove(&stream)
    }

    /// Those whose decision has waited for their end since this moment or longer, the longest first.
    pub(super) fn waiting_since(&self, moment_ms: u64) -> Vec<StreamId> {
        let waits = |(stream, open): (&StreamId, &Open)| match open.entry {
            Entry::Waits { since_ms, .. } if since_ms <= moment_ms => Some((since_ms, *stream)),
            _ => None,
        };
        let mut waiting: Vec<_> = self.open.iter().filter_map(waits).collect();
        waiting.sort_unstable();
        waiting.into_iter().map(|(_, stream)| stream).collect()
    }

    /// Those that may not go on. Each is named once.
    pub(super) fn take_ended(
        &mut self,
        authority: Option<&Authority>,
        now: Moment,
    ) -> Vec<StreamId> {
        let version = authority.map(|authority| authority.version);
        let changed = version != self.looked_at;
        self.looked_at = version;
        let ends = |(stream, open): (&StreamId, &mut Open)| {
            let ends = !open.is_cut && open.has_ended(authority, changed, now);
            open.is_cut |= ends;
            ends.then_some(*stream)
        };
        self.open.iter_mut().filter_map(ends).collect()
    }
}
