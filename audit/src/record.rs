//! One leaf of the log: an event, who handed it in, and when.

mod columns;
mod draft;
pub(crate) mod request_key;

use caracal_mandate::event::Event;
use serde::{Deserialize, Serialize};

pub(crate) use columns::{Columns, Series, outcome_text};
pub(crate) use draft::Draft;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::Hash;

    #[test]
    fn the_example_of_the_documents_is_a_record_with_the_hash_that_stands_there() {
        let document = include_str!("../../docs/events.md");
        let mut lines = document.lines();
        let json = lines.find(|line| line.starts_with("{\"event\"")).unwrap();
        let sum = lines.find_map(|line| line.strip_suffix("  -")).unwrap();
        let record = Record::from_canonical(json.as_bytes()).unwrap();
        assert!(record.event.is_of_its_version());
        let digits = |at: usize| u8::from_str_radix(&sum[at..at + 2], 16).unwrap();
        let stands_there: Vec<_> = (0..sum.len()).step_by(2).map(digits).collect();
        assert_eq!(Hash::leaf(json.as_bytes()).0.as_slice(), stands_there);
    }
}
