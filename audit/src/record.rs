//! One leaf of the log: an event, who handed it in, and when.

use caracal_mandate::event::{Event, Outcome};
use serde::{Deserialize, Serialize};

/// What a leaf holds. Members stand in alphabetical order, so that plain serialization is the
/// canonical form (RFC 8785), as it is for [`Event`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The event as its producer wrote it.
    pub event: Event,
    /// Identity of the producer as the transport verified it: a SPIFFE ID, or `local`.
    pub peer: String,
    /// When the sequencer took it, Unix time in milliseconds.
    pub recorded_ms: u64,
}

/// Why bytes are not a record.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Not JSON of this form.
    #[error("not a ledger record")]
    Malformed(#[from] serde_json::Error),
    /// Readable, but in another spelling than the canonical one.
    #[error("not in canonical form")]
    NotCanonical,
}

impl Record {
    /// The leaf bytes.
    pub fn to_canonical(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    /// Reads leaf bytes and nothing else.
    pub fn from_canonical(bytes: &[u8]) -> Result<Self, RecordError> {
        let record: Self = serde_json::from_slice(bytes)?;
        if record.to_canonical()? == bytes {
            Ok(record)
        } else {
            Err(RecordError::NotCanonical)
        }
    }
}

/// The columns that copy something of the body. Written by the sequencer, compared by the verifier.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Columns {
    pub(crate) peer: String,
    pub(crate) emitter: String,
    pub(crate) boot: String,
    pub(crate) seq: i64,
    pub(crate) recorded_ms: i64,
    pub(crate) request_id: Option<String>,
    pub(crate) application: Option<String>,
    pub(crate) resource: Option<String>,
    pub(crate) outcome: String,
    pub(crate) reason: Option<String>,
}

impl Columns {
    pub(crate) fn of(record: &Record) -> Self {
        let Record {
            event,
            peer,
            recorded_ms,
        } = record;
        Self {
            peer: peer.clone(),
            emitter: event.emitter.name.clone(),
            boot: event.emitter.boot.clone(),
            seq: i64::try_from(event.emitter.seq).unwrap_or(i64::MAX),
            recorded_ms: i64::try_from(*recorded_ms).unwrap_or(i64::MAX),
            request_id: event.request_id.clone(),
            application: event.application.clone(),
            resource: event.resource.clone(),
            outcome: outcome_text(event.outcome).to_owned(),
            reason: event.reason.map(|reason| reason.as_str().to_owned()),
        }
    }
}

/// The outcome as the event's JSON spells it.
pub(crate) fn outcome_text(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Allow => "allow",
        Outcome::Deny => "deny",
    }
}
