//! A decision that is written and has no number yet.

use std::ops::Range;

use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len};

use super::{Decision, End, encode_number, wide};

/// Field of the decisions in an `AppendRequest`.
const DECISIONS: u32 = 4;

/// Field of the number in a decision.
const SEQ: u32 = 1;

/// All of a decision but its number and what becomes of the request, as the wire has it.
#[derive(Debug)]
#[must_use = "a decision that is not handed over is missing in the ledger"]
pub struct Draft {
    bytes: Vec<u8>,
    request_id: Range<usize>,
}

impl Draft {
    /// Writes a decision into a buffer, which is emptied first.
    pub(crate) fn new(mut buffer: Vec<u8>, decision: &Decision<'_>) -> Self {
        buffer.clear();
        let request_id = decision.encode(&mut buffer);
        Self {
            bytes: buffer,
            request_id,
        }
    }

    /// `x-request-id` of the request.
    #[must_use]
    pub fn request_id(&self) -> &str {
        let bytes = self.bytes.get(self.request_id.clone());
        std::str::from_utf8(bytes.unwrap_or_default()).unwrap_or_default()
    }

    /// Bytes that it takes while it waits.
    pub(crate) const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Adds the decision, as number `seq`, to the decisions of an `AppendRequest`.
    pub(crate) fn encode(&self, seq: u64, end: End, out: &mut Vec<u8>) {
        let length = key_len(SEQ)
            .saturating_add(encoded_len_varint(seq))
            .saturating_add(self.bytes.len())
            .saturating_add(end.encoded_len());
        encode_key(DECISIONS, WireType::LengthDelimited, out);
        encode_varint(wide(length), out);
        out.reserve(length);
        encode_number(SEQ, seq, out);
        out.extend_from_slice(&self.bytes);
        end.encode(out);
    }

    /// Its buffer, for the next one.
    pub(crate) fn into_buffer(self) -> Vec<u8> {
        self.bytes
    }
}
