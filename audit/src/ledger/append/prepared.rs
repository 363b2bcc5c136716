//! A submission that can be recorded: checked and serialized, with what the columns copy of it.

use std::sync::Arc;

use caracal_mandate::event::{EVENT_VERSION, Emitter, Event, MAX_EVENT_BYTES};

use super::Rejection;
use crate::ledger::Submission;
use crate::record::{Columns, Draft, Series};

/// Largest integer that every JSON reader keeps exactly (RFC 8785 §3.2.2.3).
const MAX_INTEGER: u64 = (1 << 53) - 1;
/// Longest zone name in bytes; it becomes part of a key name.
const MAX_ZONE_BYTES: usize = 255;
/// Longest SPIFFE ID in bytes (SPIFFE-ID §2.3).
const MAX_PEER_BYTES: usize = 2048;

/// What the sequencer needs of an event. The event itself is gone: its bytes are in the draft.
pub(in crate::ledger) struct Prepared {
    pub(in crate::ledger) zone: String,
    pub(in crate::ledger) series: Series,
    pub(in crate::ledger) draft: Draft,
    /// Shared, so that a batch that is written a second time copies nothing.
    pub(in crate::ledger) columns: Columns<Arc<str>>,
}

impl Prepared {
    pub(super) fn new(submission: Submission) -> Result<Self, Rejection> {
        check(&submission)?;
        let Submission { event, peer } = submission;
        let draft = Draft::new(&event, &peer).map_err(|_| Rejection::Json)?;
        if draft.event_bytes() > MAX_EVENT_BYTES {
            return Err(Rejection::TooLong(draft.event_bytes()));
        }
        let columns = Columns::of(&event);
        let Event { zone, emitter, .. } = event;
        let Emitter { boot, name, seq: _ } = emitter;
        Ok(Self {
            zone,
            series: Series { peer, name, boot },
            draft,
            columns,
        })
    }
}

fn check(submission: &Submission) -> Result<(), Rejection> {
    let Submission { event, peer } = submission;
    if event.v != EVENT_VERSION {
        return Err(Rejection::Version(event.v));
    }
    let unfit = |c: char| c.is_whitespace() || c.is_control() || c == '+';
    if event.zone.is_empty() || event.zone.len() > MAX_ZONE_BYTES || event.zone.contains(unfit) {
        return Err(Rejection::Zone);
    }
    if peer.is_empty() || peer.len() > MAX_PEER_BYTES {
        return Err(Rejection::Peer);
    }
    // PostgreSQL has no text with this character in it, and no HTTP header has.
    let Columns {
        seq: _,
        request_id,
        mandate,
        application,
        resource,
        outcome: _,
        reason: _,
    } = Columns::<&str>::of(event);
    let copied = [request_id, mandate, application, resource];
    let emitter = [&event.emitter.name, &event.emitter.boot, peer];
    let mut texts = copied
        .into_iter()
        .flatten()
        .chain(emitter.map(String::as_str));
    if texts.any(|text| text.contains('\0')) {
        return Err(Rejection::Nul);
    }
    let largest = event
        .emitter
        .seq
        .max(event.time_ms)
        .max(event.epoch.unwrap_or(0))
        .max(event.decision.unwrap_or(0))
        .max(event.duration_us.unwrap_or(0));
    if event.emitter.seq == 0 || largest > MAX_INTEGER {
        return Err(Rejection::Number);
    }
    Ok(())
}
