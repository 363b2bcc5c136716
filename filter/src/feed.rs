//! The authority feed: from messages to a state that may be trusted, or not.
//!
//! `tests/model` explores what this does in every order of events, with this very type.

mod outline;

use caracal_mandate::version::Version;
use caracal_proto::enforcement as wire;
use caracal_proto::enforcement::watch_response::Message;
use prost::Message as _;

use crate::authority::{Authority, Effect, ItemError};
use crate::lease::Lease;

pub use self::outline::Outline;

/// Why the feed is abandoned. Each of these ends trust in what was applied, at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    /// Bytes that are no message of the feed.
    #[error("the feed sent bytes that are no message")]
    Malformed,
    /// A message in a place where it makes no sense.
    #[error("the feed sent a message out of order")]
    OutOfOrder,
    /// A delta that does not build on what is here.
    #[error("the feed has a gap: it builds on {from} and this point is at {here}")]
    Gap {
        /// What the delta builds on.
        from: Version,
        /// What is applied here.
        here: Version,
    },
    /// An older state than the one that is here.
    #[error("the feed went back to {offered} and this point is at {here}")]
    Regression {
        /// What was offered.
        offered: Version,
        /// What is applied here.
        here: Version,
    },
    /// A pong that confirms more than what is here.
    #[error(
        "the feed confirms {confirmed} and this point is at {here}: a change was lost on the way"
    )]
    Missed {
        /// What the pong confirms.
        confirmed: Version,
        /// What is applied here.
        here: Version,
    },
    /// A snapshot with another number of items than it says.
    #[error("the feed's snapshot is not whole")]
    Incomplete,
    /// An item that cannot be applied.
    #[error("the feed sent {0}")]
    Item(#[from] ItemError),
}

/// A snapshot that is being received. It replaces the state only when it is whole.
#[derive(Debug, Clone, Default)]
struct Incoming {
    authority: Authority,
    items: u64,
}

/// The state of the feed at this point.
#[derive(Debug, Clone)]
pub struct Feed {
    lease: Lease,
    /// What was applied last; kept over reconnects.
    current: Option<Authority>,
    /// Highest version that was ever applied, so that no restart of the service rolls it back.
    floor: Version,
    incoming: Option<Incoming>,
    /// Whether this stream has delivered its snapshot.
    synced: bool,
}

/// What the shell has to do after a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    /// Version to acknowledge.
    pub acknowledge: Option<Version>,
    /// Whether verified mandates must be verified again.
    pub keys_changed: bool,
    /// Whether this is a sign that the feed works. A pong on a stream whose snapshot never ends is
    /// none: it would keep a stream alive that leads nowhere.
    pub alive: bool,
}

const NOTHING: Applied = Applied {
    acknowledge: None,
    keys_changed: false,
    alive: true,
};

impl Feed {
    /// A feed that knows nothing and trusts nothing.
    #[must_use]
    pub fn new(lease_ms: u32) -> Self {
        Self {
            lease: Lease::new(lease_ms),
            current: None,
            floor: Version::default(),
            incoming: None,
            synced: false,
        }
    }

    /// The authority state, if it may be trusted at `now` (monotonic milliseconds).
    #[must_use]
    pub fn live(&self, now: u64) -> Option<&Authority> {
        self.current.as_ref().filter(|_| self.lease.is_live(now))
    }

    /// The lease, for reports.
    #[must_use]
    pub const fn lease(&self) -> &Lease {
        &self.lease
    }

    /// Drops revocations that can hit nothing alive. `now` is Unix seconds.
    pub fn expire_revocations(&mut self, now: u64) {
        if let Some(authority) = &mut self.current {
            authority.revocations.expire(now);
        }
    }

    /// A new stream begins: the message that asks for a snapshot is the caller's.
    pub fn stream_opened(&mut self) {
        self.incoming = None;
        self.synced = false;
        self.lease.stream_ended();
    }

    /// The stream ended by itself. What was proven holds until the lease ends.
    pub fn stream_ended(&mut self) {
        self.stream_opened();
    }

    /// A ping to send now.
    pub fn ping(&mut self, now: u64) -> Vec<u8> {
        let nonce = self.lease.ping(now);
        encode(wire::watch_request::Message::Ping(wire::Ping { nonce }))
    }

    /// Takes one message of the stream. After an error nothing is trusted, and the stream is to
    /// be closed and opened again.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<Applied, FeedError> {
        let result = self.take(bytes);
        if result.is_err() {
            self.current = None;
            self.lease.revoke();
            self.stream_opened();
        }
        result
    }

    fn take(&mut self, bytes: &[u8]) -> Result<Applied, FeedError> {
        let response = wire::WatchResponse::decode(bytes).map_err(|_| FeedError::Malformed)?;
        match response.message.ok_or(FeedError::Malformed)? {
            Message::SnapshotBegin(begin) => self.begin(begin),
            Message::SnapshotChunk(chunk) => self.chunk(chunk),
            Message::SnapshotEnd(end) => self.end(&end),
            Message::Delta(delta) => self.delta(delta),
            Message::Pong(pong) => self.pong(&pong),
        }
    }

    fn begin(&mut self, begin: wire::SnapshotBegin) -> Result<Applied, FeedError> {
        if self.synced || self.incoming.is_some() {
            return Err(FeedError::OutOfOrder);
        }
        let version = read_version(begin.version)?;
        if version < self.floor {
            return Err(FeedError::Regression {
                offered: version,
                here: self.floor,
            });
        }
        let authority = Authority {
            version,
            issuer: begin.issuer,
            ..Authority::default()
        };
        self.incoming = Some(Incoming {
            authority,
            items: 0,
        });
        Ok(NOTHING)
    }

    fn chunk(&mut self, chunk: wire::Items) -> Result<Applied, FeedError> {
        let incoming = self.incoming.as_mut().ok_or(FeedError::OutOfOrder)?;
        for item in chunk.items {
            incoming.authority.apply(item)?;
            incoming.items = incoming.items.saturating_add(1);
        }
        Ok(NOTHING)
    }

    fn end(&mut self, end: &wire::SnapshotEnd) -> Result<Applied, FeedError> {
        let incoming = self.incoming.take().ok_or(FeedError::OutOfOrder)?;
        let version = read_version(end.version)?;
        if incoming.items != end.items || incoming.authority.version != version {
            return Err(FeedError::Incomplete);
        }
        self.floor = version;
        self.current = Some(incoming.authority);
        self.synced = true;
        Ok(Applied {
            acknowledge: Some(version),
            keys_changed: true,
            ..NOTHING
        })
    }

    fn pong(&mut self, pong: &wire::Pong) -> Result<Applied, FeedError> {
        // Before the snapshot is whole a pong proves nothing about what is applied here.
        let Some(authority) = self.current.as_ref().filter(|_| self.synced) else {
            return Ok(Applied {
                alive: false,
                ..NOTHING
            });
        };
        // The lease rests on the pong's being behind everything that it confirms. On one HTTP/2
        // stream it is; what stands between the ends of it need not be trusted with that.
        let confirmed = read_version(pong.version)?;
        if confirmed > authority.version {
            return Err(FeedError::Missed {
                confirmed,
                here: authority.version,
            });
        }
        self.lease.pong(pong.nonce, pong.read_age_ms);
        Ok(NOTHING)
    }

    fn delta(&mut self, delta: wire::Delta) -> Result<Applied, FeedError> {
        let authority = self
            .current
            .as_mut()
            .filter(|_| self.synced)
            .ok_or(FeedError::OutOfOrder)?;
        let (from, to) = (read_version(delta.from)?, read_version(delta.to)?);
        if from != authority.version {
            return Err(FeedError::Gap {
                from,
                here: authority.version,
            });
        }
        if to < from {
            return Err(FeedError::Regression {
                offered: to,
                here: from,
            });
        }
        let mut keys_changed = false;
        for item in delta.items {
            keys_changed |= authority.apply(item)? == Effect::KeysChanged;
        }
        authority.version = to;
        self.floor = to;
        Ok(Applied {
            acknowledge: Some(to),
            keys_changed,
            ..NOTHING
        })
    }
}

fn read_version(version: Option<wire::Version>) -> Result<Version, FeedError> {
    let wire::Version { term, epoch } = version.ok_or(FeedError::Malformed)?;
    Ok(Version { term, epoch })
}

/// A message to the service.
#[must_use]
pub fn encode(message: wire::watch_request::Message) -> Vec<u8> {
    wire::WatchRequest {
        message: Some(message),
    }
    .encode_to_vec()
}

/// An acknowledgement.
#[must_use]
pub fn acknowledgement(version: Version) -> Vec<u8> {
    let Version { term, epoch } = version;
    encode(wire::watch_request::Message::Ack(wire::Ack {
        version: Some(wire::Version { term, epoch }),
    }))
}

#[cfg(test)]
mod tests;
