//! What can happen to frames between the token service and a point.

use std::time::Duration;

use caracal_proto::enforcement::watch_response::Message;
use caracal_proto::enforcement::{Delta, Item, Items, Revocation, Version, WatchResponse, item};

/// What is done to the feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frames {
    /// Nothing.
    Intact,
    /// Neither pongs nor deltas arrive.
    Silent,
    /// No pong arrives.
    PongsLost,
    /// Each pong arrives this much later.
    PongsLate(Duration),
    /// Each pong answers a ping that nobody sent.
    WrongNonce,
    /// No delta arrives.
    DeltasLost,
    /// Each delta arrives twice.
    DeltasTwice,
    /// Each delta is overtaken by the frame behind it.
    DeltasOvertaken,
    /// The snapshot stops in its middle; pongs go on.
    HalfSnapshot,
    /// Half of the snapshot's items are missing, and its end arrives.
    ShortSnapshot,
    /// A second snapshot begins on a stream that has had one.
    SnapshotAgain,
    /// Everything is of an earlier epoch: a service that was put back.
    EarlierEpoch,
    /// Everything is of an earlier term and a later epoch: a replica of another life of the log.
    EarlierTerm,
    /// Frames without content.
    Empty,
    /// An item of a kind that the point does not know.
    UnknownItem,
    /// More revocations than a point holds.
    TooMuch,
    /// The service ends each stream.
    Ended,
}

/// What is done to answers to questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answers {
    /// Nothing.
    Intact,
    /// They arrive this much later.
    Late(Duration),
    /// They are failures.
    Failed,
    /// They say neither yes nor no.
    Empty,
    /// They do not say how old the service's knowledge is.
    Ageless,
}

/// What is done to records on their way to the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Records {
    /// Nothing.
    Intact,
    /// They are not taken.
    Refused,
}

/// All of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mischief {
    /// The feed.
    pub frames: Frames,
    /// `Check`.
    pub answers: Answers,
    /// The ledger.
    pub records: Records,
}

/// None.
pub const NONE: Mischief = Mischief {
    frames: Frames::Intact,
    answers: Answers::Intact,
    records: Records::Intact,
};

/// One more than a point holds (`caracal_filter::authority::MAX_REVOCATIONS`), in frames of this many.
const FRAME: usize = 20_000;

/// One stream of the feed on its way through.
#[derive(Debug, Default)]
pub(super) struct Passage {
    held: Option<WatchResponse>,
    flooded: bool,
    /// The snapshot was cut short: nothing builds on it.
    halved: bool,
}

/// What goes on, and after how long.
pub(super) type Onward = Vec<(Duration, WatchResponse)>;

fn at_once(message: Message) -> (Duration, WatchResponse) {
    let message = Some(message);
    (Duration::ZERO, WatchResponse { message })
}

impl Passage {
    /// What becomes of a frame, and whether that is anything else than itself.
    pub(super) fn pass(&mut self, frames: Frames, response: WatchResponse) -> (Onward, bool) {
        let Some(message) = response.message.clone() else {
            return (vec![(Duration::ZERO, response)], false);
        };
        if let Some(changed) = self.changed(frames, message) {
            return (changed, true);
        }
        let mut onward = vec![(Duration::ZERO, response)];
        // What was overtaken comes right behind.
        onward.extend(self.held.take().map(|held| (Duration::ZERO, held)));
        (onward, false)
    }

    fn changed(&mut self, frames: Frames, message: Message) -> Option<Onward> {
        let changed = match (frames, message) {
            (Frames::PongsLost | Frames::Silent, Message::Pong(_))
            | (Frames::DeltasLost | Frames::Silent, Message::Delta(_)) => Vec::new(),
            (Frames::PongsLate(by), pong @ Message::Pong(_)) => {
                vec![(by, at_once(pong).1)]
            }
            (Frames::WrongNonce, Message::Pong(mut pong)) => {
                pong.nonce = pong.nonce.wrapping_add(1 << 32);
                vec![at_once(Message::Pong(pong))]
            }
            (Frames::DeltasTwice, delta @ Message::Delta(_)) => {
                vec![at_once(delta.clone()), at_once(delta)]
            }
            (Frames::DeltasOvertaken, delta @ Message::Delta(_)) if self.held.is_none() => {
                self.held = Some(at_once(delta).1);
                Vec::new()
            }
            (Frames::HalfSnapshot | Frames::ShortSnapshot, Message::SnapshotChunk(mut chunk)) => {
                self.halved = true;
                chunk.items.truncate(chunk.items.len() / 2);
                vec![at_once(Message::SnapshotChunk(chunk))]
            }
            (Frames::HalfSnapshot, Message::SnapshotEnd(_) | Message::Delta(_)) if self.halved => {
                Vec::new()
            }
            (Frames::SnapshotAgain, Message::Pong(pong)) => {
                let begin = caracal_proto::enforcement::SnapshotBegin {
                    version: pong.version,
                    issuer: String::new(),
                };
                vec![
                    at_once(Message::SnapshotBegin(begin)),
                    at_once(Message::Pong(pong)),
                ]
            }
            (Frames::EarlierEpoch | Frames::EarlierTerm, message) => {
                vec![at_once(earlier(frames, message))]
            }
            (Frames::Empty, Message::Pong(_)) => {
                vec![(Duration::ZERO, WatchResponse { message: None })]
            }
            (Frames::UnknownItem, Message::Pong(pong)) => {
                let delta = delta(pong.version, vec![Item { item: None }]);
                vec![delta, at_once(Message::Pong(pong))]
            }
            (Frames::TooMuch, Message::Pong(pong)) if !self.flooded => {
                self.flooded = true;
                flood(pong.version)
            }
            _ => return None,
        };
        Some(changed)
    }
}

fn delta(version: Option<Version>, items: Vec<Item>) -> (Duration, WatchResponse) {
    at_once(Message::Delta(Delta {
        from: version,
        to: version,
        items,
    }))
}

/// One revocation more than a point holds, all of them good for years.
fn flood(version: Option<Version>) -> Onward {
    let all = caracal_filter::authority::MAX_REVOCATIONS + 1;
    let revocation = |number: usize| Item {
        item: Some(item::Item::Revocation(Revocation {
            id: (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15),
            issued_until: u64::from(u32::MAX),
            expires: u64::from(u32::MAX),
        })),
    };
    let numbers: Vec<_> = (0..all).collect();
    let frames = numbers.chunks(FRAME);
    frames
        .map(|chunk| delta(version, chunk.iter().copied().map(revocation).collect()))
        .collect()
}

/// The same of an earlier version.
fn earlier(frames: Frames, message: Message) -> Message {
    let shift = |version: Option<Version>| {
        version.map(|Version { term, epoch }| match frames {
            Frames::EarlierTerm => Version {
                term: term.saturating_sub(1),
                epoch: epoch + 1000,
            },
            _ => Version {
                term,
                epoch: epoch.saturating_sub(5),
            },
        })
    };
    match message {
        Message::SnapshotBegin(mut begin) => {
            begin.version = shift(begin.version);
            Message::SnapshotBegin(begin)
        }
        Message::SnapshotChunk(Items { items }) => Message::SnapshotChunk(Items { items }),
        Message::SnapshotEnd(mut end) => {
            end.version = shift(end.version);
            Message::SnapshotEnd(end)
        }
        Message::Delta(mut delta) => {
            (delta.from, delta.to) = (shift(delta.from), shift(delta.to));
            Message::Delta(delta)
        }
        Message::Pong(mut pong) => {
            pong.version = shift(pong.version);
            Message::Pong(pong)
        }
    }
}
