//! Which points are connected, how far they are, and how long they may still decide alone.

mod book;
mod coverage;
mod status;
mod waits;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use caracal_mandate::lease::{Holder, Knowledge, Pending, pending};
use caracal_mandate::name::Name;
use caracal_mandate::version::Version;
use tokio::sync::Notify;

use crate::authority::{Authority, State};
use crate::clock::Clock;
pub(crate) use book::Acknowledged;
use book::{Book, Entry};
pub use status::{AckReport, PointStatus};
pub(crate) use status::{Past, Peer};

/// Stands in for the points that a run of the service before this one gave leases to.
const PREVIOUS_RUN: &str = "points of the service's previous run";

/// Stands in for the points that the service may still tell an older state.
const UNREAD: &str = "the service itself, which has not read the change";

/// All streams, and who waits for them.
pub(crate) struct Registry {
    book: Mutex<Book>,
    clock: Arc<dyn Clock>,
    term: u64,
    /// Until then, points may hold leases that an earlier process gave.
    previous_until_ms: AtomicU64,
}

/// A registered stream; dropping it says that the connection is gone.
pub(crate) struct Registered {
    registry: Arc<Registry>,
    entry: Arc<Entry>,
}

impl Registry {
    pub(crate) fn new(clock: Arc<dyn Clock>, term: u64) -> Self {
        Self {
            book: Mutex::default(),
            clock,
            term,
            previous_until_ms: AtomicU64::new(0),
        }
    }

    /// Says that an earlier process may have given leases that end at this monotonic time.
    pub(crate) fn expect_previous_leases(&self, until_ms: u64) {
        self.previous_until_ms.store(until_ms, Ordering::Release);
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn connect(self: &Arc<Self>, peer: Peer, past: Past) -> Registered {
        let now_ms = self.clock.monotonic_ms();
        let entry = Arc::new(Entry {
            past,
            connected_at_ms: now_ms,
            pinged: AtomicU64::new(0),
            holder: Mutex::new(Holder::new(peer.lease_ms)),
            peer,
        });
        self.book().connect(Arc::clone(&entry), now_ms);
        Registered {
            registry: Arc::clone(self),
            entry,
        }
    }

    /// The connected points.
    pub(crate) fn points(&self) -> Vec<PointStatus> {
        let now_ms = self.clock.monotonic_ms();
        let status = |entry: &Arc<Entry>| {
            let Peer {
                zone,
                spiffe_id,
                instance,
                boot,
                role,
                software,
                lease_ms,
                mode,
            } = entry.peer.clone();
            let Past {
                streams,
                last_error,
            } = entry.past.clone();
            let holder = entry.holder();
            let pinged = entry.pinged.load(Ordering::Acquire).checked_sub(1);
            PointStatus {
                zone,
                spiffe_id,
                instance,
                boot,
                role,
                applied: Version {
                    term: self.term,
                    epoch: holder.acked(),
                },
                last_ping_age_ms: pinged.map(|at| now_ms.saturating_sub(at)),
                lease_ms,
                connected_ms: now_ms.saturating_sub(entry.connected_at_ms),
                software,
                mode,
                lease_remaining_ms: holder.until_ms().saturating_sub(now_ms),
                streams,
                last_error,
            }
        };
        let book = self.book();
        let connected = |entry: &&Arc<Entry>| !entry.holder().is_departed();
        let mut points: Vec<_> = book
            .entries()
            .map(|(_, entry)| entry)
            .filter(connected)
            .map(status)
            .collect();
        drop(book);
        points.sort_by(|a, b| {
            (&a.zone, &a.spiffe_id, &a.boot).cmp(&(&b.zone, &b.spiffe_id, &b.boot))
        });
        points
    }

    /// Waits until no point of the zone can decide alone on a state before `seq`, now or later: the
    /// service has applied it, and each point has acknowledged it or its lease has run out. Returns
    /// after `bound` at the latest.
    pub(crate) async fn wait_applied(
        &self,
        authority: &Authority,
        zone: &Name,
        seq: u64,
        bound: Duration,
    ) -> AckReport {
        let waiting = Waiting::begin(self, zone, seq);
        let mut applied = authority.changes();
        let started_ms = self.clock.monotonic_ms();
        let bound_ms = u64::try_from(bound.as_millis()).unwrap_or(u64::MAX);
        let deadline_ms = started_ms.saturating_add(bound_ms);
        let mut seen: HashMap<u64, Arc<Entry>> = HashMap::new();
        let previous_ms = self.previous_until_ms.load(Ordering::Acquire);
        let (now_ms, unread) = loop {
            // The position before the book, as `pending` asks for.
            let position = *applied.borrow_and_update();
            let now_ms = self.clock.monotonic_ms();
            let holders = self.look(&waiting, zone, seq, now_ms, &mut seen);
            let pending = pending(seq, position, now_ms, previous_ms, &holders);
            let until_ms = match pending {
                Some(pending) if now_ms < deadline_ms => match pending {
                    Pending::Lease(until_ms) => until_ms.min(deadline_ms),
                    Pending::Unread => deadline_ms,
                },
                ended => break (now_ms, ended == Some(Pending::Unread)),
            };
            let pause = until_ms.saturating_sub(now_ms).max(1);
            // Either way everything is looked at again.
            tokio::select! {
                () = waiting.wake.notified() => {}
                Ok(()) = applied.changed() => {}
                () = tokio::time::sleep(Duration::from_millis(pause)) => {}
            }
        };
        let name =
            |entry: &Arc<Entry>| format!("{} ({})", entry.peer.spiffe_id, entry.peer.instance);
        let mut silent: Vec<_> = seen
            .values()
            .filter(|entry| entry.holder().is_behind(seq))
            .map(name)
            .collect();
        silent.sort_unstable();
        let acked = seen.len().saturating_sub(silent.len());
        if now_ms < previous_ms {
            silent.push(PREVIOUS_RUN.to_owned());
        }
        if unread {
            silent.push(UNREAD.to_owned());
        }
        let expected = acked.saturating_add(silent.len());
        let waited_ms = now_ms.saturating_sub(started_ms);
        AckReport {
            acked,
            expected,
            silent,
            waited_ms,
            bound_ms,
        }
    }
}

impl Registry {
    /// Who of a zone may decide alone, and says at how many acknowledgements of `seq` to look again.
    fn look(
        &self,
        waiting: &Waiting<'_>,
        zone: &Name,
        seq: u64,
        now_ms: u64,
        seen: &mut HashMap<u64, Arc<Entry>>,
    ) -> Vec<Holder> {
        let mut holders = Vec::new();
        let mut book = self.book();
        for (id, entry) in book.entries() {
            let holder = entry.holder();
            if entry.peer.zone == *zone && holder.holds(now_ms) {
                seen.entry(id).or_insert_with(|| Arc::clone(entry));
                holders.push(holder);
            }
        }
        let behind = holders.iter().filter(|holder| holder.is_behind(seq));
        book.waits.looked(waiting.id, behind.count());
        holders
    }
}

impl Registered {
    /// Its zone.
    pub(crate) fn zone(&self) -> &Name {
        &self.entry.peer.zone
    }

    /// The point has applied everything up to a position. That goes for streams that the same VM
    /// had before as well. `state` has everything that was sent.
    pub(crate) fn acknowledge(&self, epoch: u64, state: &State) -> Acknowledged {
        self.registry.book().acknowledge(&self.entry, epoch, state)
    }

    /// A ping arrived.
    pub(crate) fn pinged(&self, now_ms: u64) {
        self.entry
            .pinged
            .store(now_ms.saturating_add(1), Ordering::Release);
    }

    /// A pong is about to be made of what is known now: the point may decide alone for one lease from
    /// the read that it confirms, at most.
    pub(crate) fn extend_lease(&self, knowledge: Knowledge) {
        self.entry.change(|holder| holder.extend(knowledge));
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.registry.book().depart(&self.entry);
    }
}

/// Somebody who waits for acknowledgements; dropping it says that nobody does any more.
struct Waiting<'a> {
    registry: &'a Registry,
    id: u64,
    wake: Arc<Notify>,
}

impl<'a> Waiting<'a> {
    fn begin(registry: &'a Registry, zone: &Name, seq: u64) -> Self {
        let (id, wake) = registry.book().waits.begin(zone, seq);
        Self { registry, id, wake }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.registry.book().waits.end(self.id);
    }
}
