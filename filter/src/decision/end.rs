//! How a request ended that was let through.

use caracal_mandate::event::{EndedBy, HttpStatus};
use prost::encoding::{encoded_len_varint, key_len};

use super::{encode_number, encode_text, wide};

/// What is known of it; nothing while it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct End {
    /// HTTP status of the response.
    pub status: Option<HttpStatus>,
    /// What ended it, where that was not the upstream's answer.
    pub ended_by: Option<EndedBy>,
    /// From its head until it was over, in microseconds.
    pub duration_us: Option<u64>,
}

impl End {
    /// Its fields in the order of their tags.
    pub(super) fn encode(self, out: &mut Vec<u8>) {
        let Self {
            status,
            ended_by,
            duration_us,
        } = self;
        if let Some(status) = status {
            encode_number(18, status.get().into(), out);
        }
        if let Some(duration_us) = duration_us {
            encode_number(19, duration_us, out);
        }
        if let Some(ended_by) = ended_by {
            encode_text(20, ended_by.as_str(), out);
        }
    }

    /// Bytes of that.
    pub(super) fn encoded_len(self) -> usize {
        let status = self.status.map_or(0, |status| {
            key_len(18).saturating_add(encoded_len_varint(status.get().into()))
        });
        let duration = self.duration_us.map_or(0, |duration_us| {
            key_len(19).saturating_add(encoded_len_varint(duration_us))
        });
        let ended_by = self.ended_by.map_or(0, |ended_by| {
            let length = ended_by.as_str().len();
            key_len(20)
                .saturating_add(encoded_len_varint(wide(length)))
                .saturating_add(length)
        });
        status.saturating_add(duration).saturating_add(ended_by)
    }
}
