//! One leaf of the log: an event, who handed it in, and when.

mod columns;
mod draft;
mod plain;
pub(crate) mod request_key;
mod text;

use std::io::{ErrorKind, Write};

use caracal_mandate::event::Event;
use serde::{Deserialize, Serialize};

pub(crate) use columns::{Columns, Series, outcome_text};
pub(crate) use draft::Draft;
pub(crate) use text::Text;

/// What a leaf holds. Members stand in alphabetical order, so that plain serialization is the
/// canonical form (RFC 8785), as it is for [`Event`].
///
/// `S` is `String` where records are kept, and borrows where they are read once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    bound(deserialize = "S: Deserialize<'de> + Default")
)]
pub struct Record<S = String> {
    /// The event as its producer wrote it.
    pub event: Event<S>,
    /// Identity of the producer as the transport verified it: a SPIFFE ID, or `local`.
    pub peer: S,
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

impl<S: Serialize> Record<S> {
    /// The leaf bytes.
    pub fn to_canonical(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }
}

impl Record {
    /// Reads leaf bytes and nothing else.
    pub fn from_canonical(bytes: &[u8]) -> Result<Self, RecordError> {
        read(bytes)
    }
}

impl<'a> Record<Text<'a>> {
    /// As [`Record::from_canonical`], without copies.
    pub(crate) fn borrowed(bytes: &'a [u8]) -> Result<Self, RecordError> {
        plain::read(bytes).or_else(|_| read(bytes))
    }
}

fn read<'a, S: Serialize + Deserialize<'a> + Default>(
    bytes: &'a [u8],
) -> Result<Record<S>, RecordError> {
    let record: Record<S> = serde_json::from_slice(bytes)?;
    let mut spelling = Spelling { rest: bytes };
    let same = serde_json::to_writer(&mut spelling, &record).is_ok() && spelling.rest.is_empty();
    if same {
        Ok(record)
    } else {
        Err(RecordError::NotCanonical)
    }
}

/// Takes what is written and compares it with what is expected, instead of keeping it.
struct Spelling<'a> {
    rest: &'a [u8],
}

impl Write for Spelling<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.rest = self
            .rest
            .strip_prefix(bytes)
            .ok_or(ErrorKind::InvalidData)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
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
