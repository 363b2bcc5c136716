//! What happens to a feed, one step after the other, from any bytes.
//!
//! | Bytes | Step |
//! |---|---|
//! | `0 low high ...` | a frame of that many bytes, as they are |
//! | `1 n` | 16 n ms pass |
//! | `2` | a ping leaves |
//! | `3` | a stream opens |
//! | `4 i a` | a pong for the i-th open ping, of a read 8 a ms ago |
//! | `5 term epoch n` | a whole snapshot with n revocations is delivered (n below 4) |
//! | `6 term epoch`, `7 kind id`, `8 term epoch n` | beginning, item and end of a snapshot |
//! | `9 from to kind id` | a delta from so far behind the state to so far behind it |
//! | `10 n` | revocations expire at second n |

use caracal_proto::enforcement as wire;
use caracal_proto::enforcement::item::Item;
use caracal_proto::enforcement::watch_response::Message;

/// Most steps of one script.
const MAX_STEPS: usize = 1024;

/// The latest second at which revocations expire.
pub(super) const LAST_SECOND: u64 = u8::MAX as u64;

/// One step.
pub(super) enum Step {
    Frame(Vec<u8>),
    Pass(u64),
    Ping,
    Open,
    Pong {
        which: usize,
        age: u64,
    },
    Message(Message),
    Delta {
        from: u64,
        to: u64,
        items: Vec<wire::Item>,
    },
    Expire(u64),
}

/// The steps that are left.
pub(super) struct Script<'a> {
    rest: &'a [u8],
    steps: usize,
    /// What is left of a snapshot.
    queue: Vec<Message>,
}

impl<'a> Script<'a> {
    pub(super) const fn new(data: &'a [u8]) -> Self {
        Self {
            rest: data,
            steps: 0,
            queue: Vec::new(),
        }
    }

    fn byte(&mut self) -> u8 {
        let (byte, rest) = self.rest.split_first().unwrap_or((&0, &[]));
        self.rest = rest;
        *byte
    }

    fn version(&mut self) -> wire::Version {
        let (term, epoch) = (self.byte().into(), self.byte().into());
        wire::Version { term, epoch }
    }

    fn begin(&mut self) -> Message {
        Message::SnapshotBegin(wire::SnapshotBegin {
            version: Some(self.version()),
            issuer: "https://sts".to_owned(),
        })
    }

    fn snapshot(&mut self) -> Message {
        let begin = self.begin();
        let Message::SnapshotBegin(wire::SnapshotBegin { version, .. }) = &begin else {
            return begin;
        };
        let version = *version;
        let count = self.byte() % 4;
        let items = (0..count).map(|id| item(0, id)).collect();
        let end = wire::SnapshotEnd {
            version,
            items: count.into(),
        };
        let chunk = wire::Items { items };
        self.queue = vec![Message::SnapshotEnd(end), Message::SnapshotChunk(chunk)];
        begin
    }
}

impl Iterator for Script<'_> {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        if let Some(message) = self.queue.pop() {
            return Some(Step::Message(message));
        }
        self.steps = self.steps.saturating_add(1);
        if self.rest.is_empty() || self.steps > MAX_STEPS {
            return None;
        }
        Some(match self.byte() % 11 {
            0 => {
                let length = u16::from_le_bytes([self.byte(), self.byte()]);
                let length = usize::from(length).min(self.rest.len());
                let (frame, rest) = self.rest.split_at_checked(length)?;
                self.rest = rest;
                Step::Frame(frame.to_vec())
            }
            1 => Step::Pass(u64::from(self.byte()) << 4),
            2 => Step::Ping,
            3 => Step::Open,
            4 => Step::Pong {
                which: self.byte().into(),
                age: u64::from(self.byte()) << 3,
            },
            5 => Step::Message(self.snapshot()),
            6 => Step::Message(self.begin()),
            7 => {
                let items = vec![item(self.byte(), self.byte())];
                Step::Message(Message::SnapshotChunk(wire::Items { items }))
            }
            8 => Step::Message(Message::SnapshotEnd(wire::SnapshotEnd {
                version: Some(self.version()),
                items: self.byte().into(),
            })),
            9 => Step::Delta {
                from: self.byte().into(),
                to: self.byte().into(),
                items: vec![item(self.byte(), self.byte())],
            },
            _ => Step::Expire(self.byte().into()),
        })
    }
}

fn item(kind: u8, id: u8) -> wire::Item {
    let name = format!("r{}", id % 8);
    let item = match kind % 6 {
        0 => Some(Item::Revocation(wire::Revocation {
            id: id.into(),
            issued_until: u64::MAX,
            expires: u64::MAX,
        })),
        1 => Some(Item::KeyAdded(wire::Key {
            point: [&[4][..], &[id; 64]].concat(),
        })),
        2 => Some(Item::KeyRemoved(name)),
        3 => Some(Item::ResourcePut(wire::Resource {
            uri: format!("https://{name}"),
            hosts: vec![format!("{name}.internal")],
            operations: vec![wire::Operation {
                irreversible: false,
                name: "read".to_owned(),
                method: "GET".to_owned(),
                path: "/{id}".to_owned(),
                scopes: "a b".to_owned(),
            }],
            name,
        })),
        4 => Some(Item::ResourceRemoved(name)),
        _ => None,
    };
    wire::Item { item }
}
