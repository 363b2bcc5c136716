//! The book of all streams: one lock, held for the length of a look.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use caracal_mandate::lease::Holder;
use caracal_mandate::name::Name;

use super::coverage::Coverage;
use super::status::{Past, Peer};
use super::waits::Waits;
use crate::authority::State;

/// One stream. It outlives its connection until its last lease has run out.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) peer: Peer,
    pub(super) past: Past,
    pub(super) connected_at_ms: u64,
    /// Monotonic milliseconds plus one; 0 is never.
    pub(super) pinged: AtomicU64,
    pub(super) holder: Mutex<Holder>,
}

impl Entry {
    /// As it is now. No guard is handed out: two of them in one expression would wait for each other.
    pub(super) fn holder(&self) -> Holder {
        self.change(|holder| holder.clone())
    }

    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Holder) -> T) -> T {
        change(&mut self.holder.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// All streams, and who waits for them.
#[derive(Default)]
pub(super) struct Book {
    entries: HashMap<u64, Arc<Entry>>,
    /// Streams whose connection is gone, by the name of their VM's life. An acknowledgement goes for
    /// them as well, and looking through all streams at each one would take 500 points 250,000 looks.
    departed: HashMap<Box<str>, Vec<Arc<Entry>>>,
    next: u64,
    coverage: Coverage,
    pub(super) waits: Waits,
}

/// What an acknowledgement came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Acknowledged {
    /// What this stream had acknowledged until now; 0 is nothing.
    pub(crate) before: u64,
    /// Revocations that every point that was connected has acknowledged now.
    pub(crate) covered: Vec<u64>,
}

impl Book {
    /// Every stream of which something needs to be known, with its number.
    pub(super) fn entries(&self) -> impl Iterator<Item = (u64, &Arc<Entry>)> {
        self.entries.iter().map(|(id, entry)| (*id, entry))
    }

    /// A new stream. Those whose last lease has run out are forgotten.
    pub(super) fn connect(&mut self, entry: Arc<Entry>, now_ms: u64) {
        let counts = |entry: &Arc<Entry>| !entry.holder().is_obsolete(now_ms);
        if !self.departed.is_empty() {
            self.entries.retain(|_, entry| counts(entry));
            self.departed.retain(|_, entries| {
                entries.retain(counts);
                !entries.is_empty()
            });
        }
        self.entries.insert(self.next, entry);
        self.next = self.next.wrapping_add(1);
    }

    /// A stream's connection is gone.
    pub(super) fn depart(&mut self, entry: &Arc<Entry>) {
        let acked = entry.change(|holder| {
            holder.depart();
            holder.acked()
        });
        let boot = entry.peer.boot.as_str().into();
        let departed = self.departed.entry(boot).or_default();
        departed.push(Arc::clone(entry));
        if acked > 0 {
            self.coverage.departed(&entry.peer.zone, acked);
        }
    }

    /// A point has applied everything up to a position.
    pub(super) fn acknowledge(&mut self, entry: &Entry, epoch: u64, state: &State) -> Acknowledged {
        let zone = &entry.peer.zone;
        self.follow(state, zone);
        let before = entry.change(|holder| holder.acknowledge(epoch));
        self.waits.acknowledged(zone, before, epoch);
        let departed = self.departed.get(entry.peer.boot.as_str());
        let same = |other: &&Arc<Entry>| other.peer == entry.peer;
        for earlier in departed.into_iter().flatten().filter(same) {
            let before = earlier.change(|holder| holder.acknowledge(epoch));
            self.waits.acknowledged(zone, before, epoch);
        }
        let covered = match before {
            0 => Vec::new(),
            before => self.coverage.acknowledged(zone, before, epoch),
        };
        Acknowledged { before, covered }
    }

    /// Takes up the revocations of a zone that were not seen before, with the number of points that
    /// have not acknowledged them. Whoever has acknowledged nothing yet gets them with its snapshot.
    fn follow(&mut self, state: &State, zone: &Name) {
        let seen = self.coverage.seen(zone);
        if state.applied() <= seen {
            return;
        }
        let behind = |seq: u64| {
            let counts = |entry: &&Arc<Entry>| {
                let holder = entry.holder();
                entry.peer.zone == *zone
                    && !holder.is_departed()
                    && holder.acked() > 0
                    && holder.is_behind(seq)
            };
            (seq, self.entries.values().filter(counts).count())
        };
        let revocations: Vec<_> = state.revocations_after(seen, zone).map(behind).collect();
        self.coverage.open(zone, state.applied(), revocations);
    }
}
