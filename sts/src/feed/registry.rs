//! Which points are connected, how far they are, and how long they may still decide alone.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use caracal_mandate::name::Name;
use caracal_mandate::version::Version;
use serde::Serialize;
use tokio::sync::watch;

use crate::clock::Clock;

/// Stands in for the points that a run of the service before this one gave leases to.
const PREVIOUS_RUN: &str = "points of the service's previous run";

/// Who a stream belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) zone: Name,
    pub(crate) spiffe_id: String,
    pub(crate) instance: String,
    pub(crate) boot: String,
    pub(crate) role: String,
    pub(crate) software: String,
    pub(crate) lease_ms: u64,
}

/// One connected enforcement point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PointStatus {
    /// Zone.
    pub zone: Name,
    /// Identity.
    pub spiffe_id: String,
    /// Name as configured.
    pub instance: String,
    /// Name of the VM's life.
    pub boot: String,
    /// Role as configured.
    pub role: String,
    /// What it acknowledged.
    pub applied: Version,
    /// Milliseconds since its last ping; `None` before the first.
    pub last_ping_age_ms: Option<u64>,
    /// Its lease.
    pub lease_ms: u64,
    /// Milliseconds since it connected.
    pub connected_ms: u64,
    /// Version of its software.
    pub software: String,
}

/// What a wait for acknowledgements came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AckReport {
    /// Points that acknowledged.
    pub acked: usize,
    /// Points that could decide alone at some time of the wait.
    pub expected: usize,
    /// The others, by SPIFFE ID and instance. When the bound is the lease, they are closed by now.
    pub silent: Vec<String>,
    /// How long it took.
    pub waited_ms: u64,
    /// How long it could have taken.
    pub bound_ms: u64,
}

/// One stream. It outlives its connection until its last lease has run out.
#[derive(Debug)]
struct Entry {
    peer: Peer,
    connected_at_ms: u64,
    acked: AtomicU64,
    /// Monotonic milliseconds plus one; 0 is never.
    pinged: AtomicU64,
    lease_until_ms: AtomicU64,
    departed: AtomicBool,
}

impl Entry {
    fn holds_lease(&self, now_ms: u64) -> bool {
        now_ms < self.lease_until_ms.load(Ordering::Acquire)
    }

    fn is_obsolete(&self, now_ms: u64) -> bool {
        self.departed.load(Ordering::Acquire) && !self.holds_lease(now_ms)
    }
}

/// All streams.
pub(crate) struct Registry {
    entries: Mutex<HashMap<u64, Arc<Entry>>>,
    next: AtomicU64,
    changes: watch::Sender<u64>,
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
            entries: Mutex::default(),
            next: AtomicU64::new(0),
            changes: watch::Sender::new(0),
            clock,
            term,
            previous_until_ms: AtomicU64::new(0),
        }
    }

    /// Says that an earlier process may have given leases that end at this monotonic time.
    pub(crate) fn expect_previous_leases(&self, until_ms: u64) {
        self.previous_until_ms.store(until_ms, Ordering::Release);
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<u64, Arc<Entry>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changed(&self) {
        self.changes
            .send_modify(|count| *count = count.wrapping_add(1));
    }

    pub(crate) fn connect(self: &Arc<Self>, peer: Peer) -> Registered {
        let now_ms = self.clock.monotonic_ms();
        let entry = Arc::new(Entry {
            peer,
            connected_at_ms: now_ms,
            acked: AtomicU64::new(0),
            pinged: AtomicU64::new(0),
            lease_until_ms: AtomicU64::new(0),
            departed: AtomicBool::new(false),
        });
        let mut entries = self.entries();
        entries.retain(|_, entry| !entry.is_obsolete(now_ms));
        entries.insert(
            self.next.fetch_add(1, Ordering::Relaxed),
            Arc::clone(&entry),
        );
        drop(entries);
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
            } = entry.peer.clone();
            let pinged = entry.pinged.load(Ordering::Acquire).checked_sub(1);
            PointStatus {
                zone,
                spiffe_id,
                instance,
                boot,
                role,
                applied: Version {
                    term: self.term,
                    epoch: entry.acked.load(Ordering::Acquire),
                },
                last_ping_age_ms: pinged.map(|at| now_ms.saturating_sub(at)),
                lease_ms,
                connected_ms: now_ms.saturating_sub(entry.connected_at_ms),
                software,
            }
        };
        let entries = self.entries();
        let connected = |entry: &&Arc<Entry>| !entry.departed.load(Ordering::Acquire);
        let mut points: Vec<_> = entries.values().filter(connected).map(status).collect();
        drop(entries);
        points.sort_by(|a, b| {
            (&a.zone, &a.spiffe_id, &a.boot).cmp(&(&b.zone, &b.spiffe_id, &b.boot))
        });
        points
    }

    /// Waits until no point of the zone can decide alone on a state before `seq`: each has
    /// acknowledged it, or its lease has run out. Returns after `bound` at the latest.
    pub(crate) async fn wait_applied(&self, zone: &Name, seq: u64, bound: Duration) -> AckReport {
        let mut changes = self.changes.subscribe();
        let started_ms = self.clock.monotonic_ms();
        let bound_ms = u64::try_from(bound.as_millis()).unwrap_or(u64::MAX);
        let deadline_ms = started_ms.saturating_add(bound_ms);
        let mut seen: HashMap<u64, Arc<Entry>> = HashMap::new();
        let previous_ms = self.previous_until_ms.load(Ordering::Acquire);
        let behind = |entry: &Arc<Entry>| entry.acked.load(Ordering::Acquire) < seq;
        let now_ms = loop {
            let now_ms = self.clock.monotonic_ms();
            let mut until_ms = if now_ms < previous_ms {
                Some(previous_ms)
            } else {
                None
            };
            for (id, entry) in &*self.entries() {
                if entry.peer.zone != *zone || !entry.holds_lease(now_ms) {
                    continue;
                }
                seen.entry(*id).or_insert_with(|| Arc::clone(entry));
                if behind(entry) {
                    let lease_ms = entry.lease_until_ms.load(Ordering::Acquire);
                    until_ms = Some(until_ms.map_or(lease_ms, |until: u64| until.min(lease_ms)));
                }
            }
            let Some(until_ms) = until_ms.filter(|_| now_ms < deadline_ms) else {
                break now_ms;
            };
            let pause = until_ms.min(deadline_ms).saturating_sub(now_ms).max(1);
            // Either way the state is looked at again.
            let _changed =
                tokio::time::timeout(Duration::from_millis(pause), changes.changed()).await;
        };
        let name =
            |entry: &Arc<Entry>| format!("{} ({})", entry.peer.spiffe_id, entry.peer.instance);
        let mut silent: Vec<_> = seen
            .values()
            .filter(|entry| behind(entry))
            .map(name)
            .collect();
        silent.sort_unstable();
        let acked = seen.len().saturating_sub(silent.len());
        if now_ms < previous_ms {
            silent.push(PREVIOUS_RUN.to_owned());
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

impl Registered {
    /// Its zone.
    pub(crate) fn zone(&self) -> &Name {
        &self.entry.peer.zone
    }

    /// The point has applied everything up to a position. That goes for streams that the same VM
    /// had before as well. Returns what this stream had acknowledged until now; 0 is nothing.
    pub(crate) fn acknowledge(&self, epoch: u64) -> u64 {
        let before = self.entry.acked.fetch_max(epoch, Ordering::AcqRel);
        for entry in self.registry.entries().values() {
            if entry.peer == self.entry.peer && entry.departed.load(Ordering::Acquire) {
                entry.acked.fetch_max(epoch, Ordering::AcqRel);
            }
        }
        self.registry.changed();
        before
    }

    /// A ping arrived.
    pub(crate) fn pinged(&self, now_ms: u64) {
        self.entry
            .pinged
            .store(now_ms.saturating_add(1), Ordering::Release);
    }

    /// A pong goes out that confirms this moment: the point decides alone for one lease from it,
    /// at most. One millisecond more, because clocks are read in whole ones.
    pub(crate) fn extend_lease(&self, confirmed_ms: u64) {
        let until = confirmed_ms
            .saturating_add(self.entry.peer.lease_ms)
            .saturating_add(1);
        self.entry.lease_until_ms.fetch_max(until, Ordering::AcqRel);
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.entry.departed.store(true, Ordering::Release);
        self.registry.changed();
    }
}
