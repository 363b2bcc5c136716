//! What is on its way, and its bytes.

use std::fmt;

use caracal_mandate::version::Version;
use caracal_proto::enforcement as wire;
use caracal_proto::enforcement::watch_request::Message as Question;
use caracal_proto::enforcement::watch_response::Message;
use prost::Message as _;

/// The log's only term.
const TERM: u64 = 1;

/// Position of the entry that is there from the beginning, which points are not told. Every position
/// after it is a revocation, and its number is the id of what is revoked.
pub const FIRST: u64 = 1;

/// From the point to the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Up {
    /// A ping.
    Ping(u64),
    /// Everything up to this position is applied.
    Ack(u64),
}

/// From the service to the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Down {
    /// A snapshot of this position begins.
    Begin(u64),
    /// All revocations up to this position.
    Chunk(u64),
    /// The snapshot of this position ends.
    End(u64),
    /// From one position to another.
    Delta(u64, u64),
    /// An answer.
    Pong {
        /// To which ping.
        nonce: u64,
        /// What it confirms.
        epoch: u64,
        /// The age `a`.
        age_ms: u64,
    },
}

const fn version(epoch: u64) -> wire::Version {
    wire::Version { term: TERM, epoch }
}

/// The position of a version of this log.
#[must_use]
pub const fn epoch(version: Version) -> u64 {
    version.epoch
}

fn revocations(after: u64, to: u64) -> Vec<wire::Item> {
    let revocation = |id| wire::Item {
        item: Some(wire::item::Item::Revocation(wire::Revocation {
            id,
            issued_until: u64::MAX,
            expires: u64::MAX,
        })),
    };
    (after.max(FIRST) + 1..=to).map(revocation).collect()
}

impl Down {
    /// As it stands on the wire.
    #[must_use]
    pub fn bytes(self) -> Vec<u8> {
        let message = match self {
            Self::Begin(to) => Message::SnapshotBegin(wire::SnapshotBegin {
                version: Some(version(to)),
                issuer: String::new(),
            }),
            Self::Chunk(to) => Message::SnapshotChunk(wire::Items {
                items: revocations(FIRST, to),
            }),
            Self::End(to) => Message::SnapshotEnd(wire::SnapshotEnd {
                version: Some(version(to)),
                items: to.saturating_sub(FIRST),
            }),
            Self::Delta(from, to) => delta(from, to, from),
            Self::Pong {
                nonce,
                epoch,
                age_ms,
            } => Message::Pong(wire::Pong {
                nonce,
                version: Some(version(epoch)),
                read_age_ms: age_ms,
            }),
        };
        encode(message)
    }
}

fn delta(from: u64, to: u64, after: u64) -> Message {
    Message::Delta(wire::Delta {
        from: Some(version(from)),
        to: Some(version(to)),
        items: revocations(after, to),
    })
}

fn encode(message: Message) -> Vec<u8> {
    wire::WatchResponse {
        message: Some(message),
    }
    .encode_to_vec()
}

/// What a point would have to be told for it to use half a snapshot: an empty one of this position,
/// and its content later.
#[must_use]
pub fn empty_snapshot(to: u64) -> [Vec<u8>; 2] {
    let end = wire::SnapshotEnd {
        version: Some(version(to)),
        items: 0,
    };
    [Down::Begin(to).bytes(), encode(Message::SnapshotEnd(end))]
}

/// The rest of it.
#[must_use]
pub fn late_content(to: u64) -> Vec<u8> {
    encode(delta(to, to, FIRST))
}

/// The nonce of a ping as the point wrote it.
#[must_use]
pub fn nonce(bytes: &[u8]) -> u64 {
    match wire::WatchRequest::decode(bytes).map(|request| request.message) {
        Ok(Some(Question::Ping(ping))) => ping.nonce,
        _ => 0,
    }
}

impl fmt::Display for Up {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ping(nonce) => write!(f, "ping {nonce}"),
            Self::Ack(epoch) => write!(f, "the acknowledgement of {epoch}"),
        }
    }
}

impl fmt::Display for Down {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begin(to) => write!(f, "the beginning of a snapshot of {to}"),
            Self::Chunk(to) => write!(f, "the items of a snapshot of {to}"),
            Self::End(to) => write!(f, "the end of a snapshot of {to}"),
            Self::Delta(from, to) => write!(f, "the delta {from} to {to}"),
            Self::Pong {
                nonce,
                epoch,
                age_ms,
            } => write!(f, "pong {nonce} (confirms {epoch}, age {age_ms})"),
        }
    }
}
