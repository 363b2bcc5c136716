//! Where calls stand: a fixed number of slots in the host's shared data, because nothing is ever deleted
//! there.

use prost::Message;

use super::seal::Name;

/// How many slots there are.
pub(super) const SLOTS: u32 = 512;

/// Most calls of one slot, so that all of them together stay below 17 MiB.
pub(super) const MAX_CALLS_OF_SLOT: usize = 8;

/// How often a write is tried again that another worker was faster with.
const ATTEMPTS: usize = 16;

/// The host's map, which all workers of the proxy share.
pub trait SharedData {
    /// The value of a key and its version, which is never 0; `None` when it was never set.
    fn get(&self, key: &str) -> Option<(Vec<u8>, u32)>;

    /// Sets a value if its version is still this one; 0 sets it in any case. Tells whether it was set.
    fn set(&self, key: &str, value: &[u8], version: u32) -> bool;
}

/// One caller's mandate in one trace.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct Entry {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) trace: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) mark: Vec<u8>,
    /// Names the caller's session.
    #[prost(bytes = "vec", tag = "3")]
    pub(super) caller: Vec<u8>,
    /// Calls under way.
    #[prost(uint32, tag = "4")]
    pub(super) open: u32,
    /// Unix second from which the mandate is void.
    #[prost(uint64, tag = "5")]
    pub(super) expires: u64,
    /// Unix second until which it stays without a call.
    #[prost(uint64, tag = "6")]
    pub(super) lingers_until: u64,
    #[prost(bytes = "vec", tag = "7")]
    pub(super) sealed: Vec<u8>,
}

impl Entry {
    pub(super) fn is(&self, name: Name) -> bool {
        self.trace == name.trace && self.mark == name.mark.0
    }

    pub(super) const fn is_live(&self, now_s: u64) -> bool {
        now_s < self.expires && (self.open > 0 || now_s < self.lingers_until)
    }
}

/// The value of one slot.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct Slot {
    #[prost(message, repeated, tag = "1")]
    pub(super) entries: Vec<Entry>,
}

/// Takes away what is over.
pub(super) fn prune(entries: &mut Vec<Entry>, now_s: u64) {
    entries.retain(|entry| entry.is_live(now_s));
}

/// The slots.
pub(super) struct Board(Box<dyn SharedData>);

impl Board {
    pub(super) const fn new(shared: Box<dyn SharedData>) -> Self {
        Self(shared)
    }

    /// Makes the slots that are not there yet: a value that exists can be replaced under its version, and
    /// one that does not can only be overwritten.
    pub(super) fn prepare(&self) {
        for slot in 0..SLOTS {
            let key = key(slot);
            if self.0.get(&key).is_none() {
                self.0.set(&key, &[], 0);
            }
        }
    }

    /// What stands in a slot. What cannot be read is nothing: somebody else wrote it.
    pub(super) fn read(&self, slot: u32) -> Vec<Entry> {
        let value = self.0.get(&key(slot));
        let value = value.and_then(|(bytes, _)| Slot::decode(bytes.as_slice()).ok());
        value.map(|slot| slot.entries).unwrap_or_default()
    }

    /// Changes a slot. `change` may be called again when another worker came first; its last answer
    /// counts, and a no changes nothing.
    pub(super) fn change(&self, slot: u32, change: impl Fn(&mut Vec<Entry>) -> bool) -> bool {
        let key = key(slot);
        for _ in 0..ATTEMPTS {
            let Some((bytes, version)) = self.0.get(&key) else {
                return false;
            };
            let mut value = Slot::decode(bytes.as_slice()).unwrap_or_default();
            if !change(&mut value.entries) {
                return false;
            }
            if self.0.set(&key, &value.encode_to_vec(), version) {
                return true;
            }
        }
        false
    }
}

fn key(slot: u32) -> String {
    format!("caracal.calls.{slot:03x}")
}
