//! What the ledger is told of requests that were let through: the decision, and what became of it.
//!
//! One event says both where that is soon over: the decision waits for it. What takes longer, and what
//! had to be durable before it was let through, has two: the decision, and at the end the response.

use caracal_mandate::event::EndedBy;
use caracal_mandate::verify::VerifiedMandate;

use super::Engine;
use super::facts::{Facts, StreamId};
use super::streams::Open;
use crate::config::Mode;
use crate::decision::{Decision, Draft, End};
use crate::time::Moment;

/// Longest wait of a decision for the end of its request, in milliseconds. Nearly all requests are over
/// by then, and whoever follows the ledger is not left behind for longer.
pub(super) const MAX_WAIT_MS: u64 = 1000;

/// Where the decision on a request is.
#[derive(Debug, Default)]
pub(super) enum Entry {
    /// It waits for the end of the request.
    Waits {
        draft: Draft,
        /// Since when, in monotonic milliseconds.
        since_ms: u64,
    },
    /// It was handed over, under this number.
    HandedOver { number: u64, request_id: Box<str> },
    /// It was handed over or dropped, and nothing is told of the end.
    #[default]
    Closed,
}

impl Engine {
    /// Records a yes to a request that is let through now.
    pub(super) fn enter(
        &mut self,
        facts: &Facts<'_>,
        mandate: Option<&VerifiedMandate>,
        now: Moment,
    ) -> Entry {
        if !self.config.audit_outcomes {
            self.record(facts, mandate, None, now);
            return Entry::Closed;
        }
        let decision = self.decision(facts, mandate, None, now);
        let since_ms = now.monotonic_ms;
        match self.backlog.take(&decision) {
            Some(draft) => Entry::Waits { draft, since_ms },
            None => Entry::Closed,
        }
    }

    /// The same of one that was recorded before.
    pub(super) fn entered(&self, number: u64, request_id: &str) -> Entry {
        if !self.config.audit_outcomes {
            return Entry::Closed;
        }
        let request_id = request_id.into();
        Entry::HandedOver { number, request_id }
    }

    /// Whether the ledger is to be told how this request ended.
    #[must_use]
    pub fn asks_for_end(&self, stream: StreamId) -> bool {
        self.streams
            .get(stream)
            .is_some_and(|open| !matches!(open.entry, Entry::Closed))
    }

    /// A request is over.
    pub fn finished(&mut self, stream: StreamId, end: End, now: Moment) {
        self.take_down(stream, now);
        if let Some(open) = self.streams.end(stream) {
            self.close(open, end, now);
        }
    }

    /// Tells the ledger of the end of a request that is not under way any more.
    pub(super) fn close(&mut self, open: Open, end: End, now: Moment) {
        let is_shadow = self.config.mode == Mode::Shadow;
        let ended_by = if open.is_cut && !is_shadow {
            Some(EndedBy::Authority)
        } else {
            end.ended_by
        };
        let end = End { ended_by, ..end };
        match open.entry {
            Entry::Closed => {}
            Entry::Waits { draft, .. } => {
                self.backlog.hand_over(draft, end);
            }
            Entry::HandedOver { number, request_id } => {
                let claims = open.mandate.as_ref().map(|mandate| mandate.claims());
                let response = Decision {
                    time_ms: now.unix_ms,
                    application: claims.map_or("", |claims| claims.client_id.as_str()),
                    mandate: claims.map_or("", |claims| &claims.jti),
                    request_id: &request_id,
                    resource: claims.map_or("", |claims| claims.aud.as_str()),
                    session: claims.map_or("", |claims| &claims.sid),
                    shadow: is_shadow,
                    of: number,
                    ..Decision::default()
                };
                // Without room it is dropped, as a refusal is: the decision is there.
                self.backlog.push(&response, end);
            }
        }
    }

    /// Hands over the decisions that waited long enough.
    pub(super) fn hand_over_overdue(&mut self, now: Moment) {
        let Some(since_ms) = now.monotonic_ms.checked_sub(MAX_WAIT_MS) else {
            return;
        };
        if self.backlog.waiting() == 0 {
            return;
        }
        for stream in self.streams.waiting_since(since_ms) {
            let Some(open) = self.streams.get_mut(stream) else {
                continue;
            };
            match std::mem::take(&mut open.entry) {
                Entry::Waits { draft, .. } => {
                    let request_id = draft.request_id().into();
                    let number = self.backlog.hand_over(draft, End::default());
                    open.entry = Entry::HandedOver { number, request_id };
                }
                other => open.entry = other,
            }
        }
    }
}
