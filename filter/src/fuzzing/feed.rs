//! The authority feed, held against a model of what it may trust.

mod script;

use caracal_mandate::revocation::RevocationId;
use caracal_mandate::version::Version;
use caracal_proto::enforcement as wire;
use caracal_proto::enforcement::watch_response::Message;
use prost::Message as _;

use crate::feed::Feed;
use script::{Script, Step};

const LEASE_MS: u32 = 2000;

/// The input is a script of frames, pings and passing time ([`script`]).
///
/// Whatever the frames: trust never lasts longer than the lease counted from a ping that was
/// answered on its own stream, and ends with the first frame that is wrong; the version never goes
/// back; a revocation that was applied is in force as long as the state is trusted.
///
/// # Panics
/// When the input breaks the law.
#[must_use]
pub fn feed(data: &[u8]) -> bool {
    let mut model = Model::new();
    let mut was_live = false;
    for step in Script::new(data) {
        model.take(step);
        model.check();
        was_live |= model.feed.live(model.now).is_some();
    }
    was_live
}

struct Model {
    feed: Feed,
    now: u64,
    /// Trust ends here at the latest.
    until: u64,
    /// Pings of this stream that are not answered.
    pings: Vec<(u64, u64)>,
    /// Whether this stream has delivered a snapshot, and whether there is any state.
    synced: bool,
    known: bool,
    version: Version,
    revoked: Vec<u64>,
    incoming: Vec<u64>,
}

impl Model {
    fn new() -> Self {
        Self {
            feed: Feed::new(LEASE_MS),
            now: 0,
            until: 0,
            pings: Vec::new(),
            synced: false,
            known: false,
            version: Version::default(),
            revoked: Vec::new(),
            incoming: Vec::new(),
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Frame(bytes) => self.frame(&bytes),
            Step::Pass(milliseconds) => self.now = self.now.saturating_add(milliseconds),
            Step::Ping => {
                let bytes = self.feed.ping(self.now);
                if let Some(nonce) = nonce(&bytes) {
                    self.pings.push((nonce, self.now));
                }
            }
            Step::Open => {
                self.feed.stream_opened();
                self.stream_ends();
            }
            Step::Pong { which, age } => {
                let nonce = match self.pings.len().checked_sub(1) {
                    Some(last) => self
                        .pings
                        .get(which.min(last))
                        .map_or(0, |(nonce, _)| *nonce),
                    None => u64::try_from(which).unwrap_or_default(),
                };
                let Version { term, epoch } = self.version;
                self.message(Message::Pong(wire::Pong {
                    nonce,
                    version: Some(wire::Version { term, epoch }),
                    read_age_ms: age,
                }));
            }
            Step::Message(message) => self.message(message),
            Step::Delta { from, to, items } => {
                let at = |offset: u64| {
                    Some(wire::Version {
                        term: self.version.term,
                        epoch: self.version.epoch.wrapping_add(offset),
                    })
                };
                let (from, to) = (at(from), at(to));
                self.message(Message::Delta(wire::Delta { from, to, items }));
            }
            Step::Expire(unix_s) => self.feed.expire_revocations(unix_s),
        }
    }

    fn message(&mut self, message: Message) {
        let frame = wire::WatchResponse {
            message: Some(message),
        };
        self.frame(&frame.encode_to_vec());
    }

    fn frame(&mut self, bytes: &[u8]) {
        let message = wire::WatchResponse::decode(bytes)
            .ok()
            .and_then(|frame| frame.message);
        let Ok(applied) = self.feed.receive(bytes) else {
            self.stream_ends();
            (self.known, self.until) = (false, 0);
            return;
        };
        let acknowledge = match message {
            Some(Message::SnapshotBegin(_)) => {
                self.incoming.clear();
                None
            }
            Some(Message::SnapshotChunk(chunk)) => {
                self.incoming
                    .extend(chunk.items.iter().filter_map(revocation));
                None
            }
            Some(Message::SnapshotEnd(end)) => {
                (self.synced, self.known) = (true, true);
                self.revoked = std::mem::take(&mut self.incoming);
                Some(self.advance(end.version))
            }
            Some(Message::Delta(delta)) => {
                assert!(self.synced, "a delta builds on a snapshot of its stream");
                self.revoked
                    .extend(delta.items.iter().filter_map(revocation));
                Some(self.advance(delta.to))
            }
            Some(Message::Pong(pong)) => {
                self.pong(&pong);
                None
            }
            None => {
                assert!(message.is_some(), "bytes that are no message were taken");
                None
            }
        };
        assert_eq!(applied.acknowledge, acknowledge);
    }

    fn advance(&mut self, to: Option<wire::Version>) -> Version {
        let wire::Version { term, epoch } = to.unwrap_or_default();
        let to = Version { term, epoch };
        assert!(to >= self.version, "the version went back");
        self.version = to;
        to
    }

    fn pong(&mut self, pong: &wire::Pong) {
        let confirmed = pong.version.unwrap_or_default();
        let confirmed = Version {
            term: confirmed.term,
            epoch: confirmed.epoch,
        };
        assert!(
            !self.synced || confirmed <= self.version,
            "it confirms what never arrived"
        );
        let asked = self
            .pings
            .iter()
            .position(|(nonce, _)| *nonce == pong.nonce);
        let Some((_, sent_at)) = asked
            .filter(|_| self.synced)
            .map(|at| self.pings.remove(at))
        else {
            return;
        };
        if let Some(rest) = u64::from(LEASE_MS).checked_sub(pong.read_age_ms) {
            self.until = self.until.max(sent_at.saturating_add(rest));
        }
    }

    fn stream_ends(&mut self) {
        self.synced = false;
        self.pings.clear();
        self.incoming.clear();
    }

    fn check(&self) {
        let remaining = self.feed.lease().remaining_ms(self.now);
        assert!(
            remaining <= self.until.saturating_sub(self.now),
            "the lease is too long"
        );
        assert!(remaining <= u64::from(LEASE_MS), "longer than any lease");
        let Some(authority) = self.feed.live(self.now) else {
            return;
        };
        assert!(self.known && self.now < self.until, "trusted without proof");
        assert_eq!(authority.version, self.version);
        for id in &self.revoked {
            let ids = [RevocationId(*id)];
            assert!(authority.revocations.hits(&ids, 0), "{id} is revoked");
        }
    }
}

/// The revocations that no passing of time ends, as far as the script lets it pass.
fn revocation(item: &wire::Item) -> Option<u64> {
    match &item.item {
        Some(wire::item::Item::Revocation(entry)) => {
            (entry.expires > script::LAST_SECOND).then_some(entry.id)
        }
        _ => None,
    }
}

fn nonce(ping: &[u8]) -> Option<u64> {
    match wire::WatchRequest::decode(ping).ok()?.message? {
        wire::watch_request::Message::Ping(ping) => Some(ping.nonce),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps as bytes; see `script`.
    const OPEN: &[u8] = &[3];
    const PING: &[u8] = &[2];
    const SNAPSHOT: &[u8] = &[5, 1, 5, 2];
    const PONG: &[u8] = &[4, 0, 0];

    fn raw(bytes: &[u8]) -> Vec<u8> {
        let length = u8::try_from(bytes.len()).unwrap();
        [&[0, length, 0][..], bytes].concat()
    }

    #[test]
    fn seeds_are_read_as_their_names_say() {
        let live = [OPEN, PING, SNAPSHOT, PONG].concat();
        let with = |more: &[u8]| [live.as_slice(), more].concat();
        let pieces = [
            OPEN,
            PING,
            &[6, 1, 9],
            &[7, 0, 7],
            &[7, 1, 4],
            &[7, 3, 2],
            &[8, 1, 9, 3],
            PONG,
        ]
        .concat();
        let pong = |epoch| raw(&[0x2a, 0x08, 0x08, 0x01, 0x12, 0x04, 0x08, 0x01, 0x10, epoch]);
        let seeds = [
            ("good-live", live.clone()),
            (
                "good-deltas",
                with(&[9, 0, 1, 0, 7, 9, 0, 1, 3, 1, 9, 0, 2, 2, 1, 9, 0, 0, 4, 1]),
            ),
            ("good-pieces", pieces),
            (
                "good-reconnect",
                with(&[1, 9, 3, 2, 5, 1, 6, 0, 4, 0, 3, 10, 9]),
            ),
            ("good-then-gap", with(&[9, 1, 2, 0, 7])),
            ("good-then-garbage", with(&raw(&[0xff; 9]))),
            ("good-raw-pong", [OPEN, PING, SNAPSHOT, &pong(5)].concat()),
            ("bad-pong-ahead", [OPEN, PING, SNAPSHOT, &pong(6)].concat()),
            ("bad-pong-first", [OPEN, PING, PONG, SNAPSHOT].concat()),
            (
                "bad-pong-of-before",
                [OPEN, PING, OPEN, SNAPSHOT, PONG].concat(),
            ),
            (
                "bad-old-read",
                [OPEN, PING, SNAPSHOT, &[4, 0, 255]].concat(),
            ),
            (
                "bad-half",
                [OPEN, PING, &[6, 1, 9], &[7, 0, 7], PONG].concat(),
            ),
            (
                "bad-count",
                [OPEN, PING, &[6, 1, 9], &[7, 0, 7], &[8, 1, 9, 2], PONG].concat(),
            ),
        ];
        caracal_seeds::hold("feed", &seeds, feed).unwrap();
    }
}
