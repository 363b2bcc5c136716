//! What is true now: the fold of the authority log, in memory.
//!
//! There is one writer, the [`tail::Tailer`]; it applies entries in order and then publishes when it
//! began the read that showed it the log's head. Readers hold the lock for the length of a few
//! look-ups and never across an await.
//!
//! A writer that died in the middle leaves a poisoned lock, which readers ignore on purpose: nothing
//! confirms reads any more, so every lease ends and every door closes within one lease.

mod credentials;
mod delegations;
mod items;
mod keys;
mod sessions;
mod tail;
#[cfg(test)]
mod tests;
mod zone;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use caracal_mandate::lease::Reading;
use caracal_mandate::name::Name;
use caracal_mandate::spiffe::SpiffeId;
use caracal_mandate::version::Version;
use caracal_store::model::{Change, EnforcementPoint, LogEntry, Proof};
use tokio::sync::{Notify, watch};

pub(crate) use delegations::Side;
pub(crate) use items::{FeedGap, FeedScope};
pub use tail::TailError;
pub(crate) use tail::Tailer;
pub(crate) use zone::{ZonePolicy, ZoneState};

/// Who a SPIFFE ID is.
#[derive(Debug, Clone)]
pub(crate) enum Identity {
    /// A workload of an application.
    Application {
        /// Its zone.
        zone: Name,
        /// The application.
        name: Name,
    },
    /// A proxy that enforces for others.
    Point {
        /// Its zone.
        zone: Name,
        /// The point.
        point: Arc<EnforcementPoint>,
    },
}

impl Identity {
    /// The zone that it belongs to.
    pub(crate) const fn zone(&self) -> &Name {
        match self {
            Self::Application { zone, .. } | Self::Point { zone, .. } => zone,
        }
    }
}

/// Changes whose time is remembered, to measure how long they take to be known everywhere.
const REMEMBERED: usize = 256;

/// What is remembered of one of the latest changes.
#[derive(Debug)]
struct Recent {
    seq: u64,
    /// When it was committed, by the clock of who did it, in Unix milliseconds.
    at_ms: u64,
    /// Whose mandates it revoked, if it revoked any.
    revoked: Option<Name>,
}

/// The state at one position of the log.
#[derive(Debug, Default)]
pub(crate) struct State {
    applied: u64,
    /// The latest changes, oldest first.
    recent: VecDeque<Recent>,
    zones: HashMap<Name, ZoneState>,
    identities: HashMap<Box<str>, Identity>,
}

impl State {
    /// The position.
    pub(crate) const fn applied(&self) -> u64 {
        self.applied
    }

    /// When a change was committed, in Unix milliseconds, if it is one of the latest.
    pub(crate) fn committed_ms(&self, seq: u64) -> Option<u64> {
        let at = self.recent.binary_search_by_key(&seq, |recent| recent.seq);
        self.recent.get(at.ok()?).map(|recent| recent.at_ms)
    }

    /// Positions of the latest revocations of a zone after a position, in order.
    pub(crate) fn revocations_after<'a>(
        &'a self,
        seq: u64,
        zone: &'a Name,
    ) -> impl Iterator<Item = u64> + use<'a> {
        let first = self.recent.partition_point(|recent| recent.seq <= seq);
        let of_zone = |recent: &&Recent| recent.revoked.as_ref() == Some(zone);
        let revocations = self.recent.range(first..).filter(of_zone);
        revocations.map(|recent| recent.seq)
    }

    /// A zone.
    pub(crate) fn zone(&self, name: &Name) -> Option<&ZoneState> {
        self.zones.get(name)
    }

    /// Every zone, in no order.
    pub(crate) fn zones(&self) -> impl Iterator<Item = &ZoneState> {
        self.zones.values()
    }

    /// Who a SPIFFE ID is.
    pub(crate) fn identity(&self, spiffe_id: &str) -> Option<&Identity> {
        self.identities.get(spiffe_id)
    }

    /// Applies one entry. `policy` is the compiled form of an activated policy.
    fn apply(&mut self, entry: LogEntry, policy: Option<ZonePolicy>) {
        let LogEntry {
            seq,
            zone: name,
            at_ms,
            change,
        } = entry;
        self.applied = seq;
        if self.recent.len() >= REMEMBERED {
            self.recent.pop_front();
        }
        let revokes = match &change {
            Change::Revoked(_) | Change::KeyRevoked(_) => true,
            Change::SessionDeclared(declared) => !declared.ended.is_empty(),
            _ => false,
        };
        self.recent.push_back(Recent {
            seq,
            at_ms,
            revoked: revokes.then(|| name.clone()),
        });
        match change {
            Change::ZoneCreated(zone) => {
                self.zones.insert(name, ZoneState::new(zone, seq));
                return;
            }
            Change::ApplicationCreated(ref application) => {
                for id in &application.spiffe_ids {
                    let identity = Identity::Application {
                        zone: name.clone(),
                        name: application.name.clone(),
                    };
                    self.identify(id, identity);
                }
            }
            Change::PointCreated(ref point) => {
                let identity = Identity::Point {
                    zone: name.clone(),
                    point: Arc::new(point.clone()),
                };
                self.identify(&point.spiffe_id, identity);
            }
            Change::CredentialAdded(ref credential) => {
                if let Proof::Spiffe { spiffe_id } = &credential.proof {
                    let identity = Identity::Application {
                        zone: name.clone(),
                        name: credential.application.clone(),
                    };
                    self.identify(spiffe_id, identity);
                }
            }
            Change::CredentialRevoked(ref which) => {
                let zone = self.zones.get(&name);
                if let Some(id) = zone.and_then(|zone| zone.spiffe_id_of(which)) {
                    self.identities.remove(id.as_str());
                }
            }
            Change::IssuerCreated(_)
            | Change::IssuerRemoved(_)
            | Change::ResourcePut(_)
            | Change::GrantCreated(_)
            | Change::DelegationCreated(_)
            | Change::PolicyActivated(_)
            | Change::KeyPublished(_)
            | Change::KeyActivated(_)
            | Change::KeyDropped(_)
            | Change::KeyRevoked(_)
            | Change::SessionOpened(_)
            | Change::SessionDeclared(_)
            | Change::Revoked(_)
            | Change::Suspended(_)
            | Change::Resumed(_) => {}
        }
        if let Some(zone) = self.zones.get_mut(&name) {
            zone.apply(seq, change, policy);
        }
    }

    fn identify(&mut self, id: &SpiffeId, identity: Identity) {
        self.identities.insert(id.as_str().into(), identity);
    }
}

/// The shared handle.
#[derive(Debug)]
pub(crate) struct Authority {
    term: u64,
    state: RwLock<State>,
    /// When the last confirmed read of the head began.
    confirmed: Mutex<Option<Reading>>,
    applied: watch::Sender<u64>,
    wake: Notify,
}

impl Authority {
    pub(crate) fn new(term: u64) -> Self {
        Self {
            term,
            state: RwLock::default(),
            confirmed: Mutex::default(),
            applied: watch::Sender::new(0),
            wake: Notify::new(),
        }
    }

    /// The state, for a few look-ups.
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Position as a version.
    pub(crate) const fn version(&self, epoch: u64) -> Version {
        Version {
            term: self.term,
            epoch,
        }
    }

    /// Wakes when a later position was applied.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.applied.subscribe()
    }

    /// Asks for a read of the log before its time. Any number of calls until then is one read.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    /// When the last confirmed read of the head began, in monotonic milliseconds. What was committed
    /// before is applied. None where the machine stood still since: nobody knows then how long ago that
    /// was, until the next read.
    pub(crate) fn confirmed_ms(&self, now: Reading) -> Option<u64> {
        let confirmed = *self.confirmed();
        confirmed
            .filter(|at| !now.is_after_a_pause(*at))
            .map(|at| at.monotonic_ms)
    }

    /// Whether the last confirmed read began less than `lease_ms` ago.
    pub(crate) fn is_fresh(&self, now: Reading, lease_ms: u64) -> bool {
        self.confirmed_ms(now)
            .is_some_and(|at_ms| now.monotonic_ms.saturating_sub(at_ms) < lease_ms)
    }

    /// Waits until a position is applied; false after `bound`.
    pub(crate) async fn wait_for(&self, seq: u64, bound: Duration) -> bool {
        let mut changes = self.changes();
        let reached = changes.wait_for(|applied| *applied >= seq);
        tokio::time::timeout(bound, reached)
            .await
            .is_ok_and(|reached| reached.is_ok())
    }

    /// Applies entries that follow the state without a gap.
    fn apply(&self, entries: Vec<(LogEntry, Option<ZonePolicy>)>) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        for (entry, policy) in entries {
            state.apply(entry, policy);
        }
        let applied = state.applied;
        drop(state);
        self.applied.send_replace(applied);
    }

    /// Publishes that everything that was committed before `started` is applied.
    fn confirm(&self, started: Reading) {
        *self.confirmed() = Some(started);
    }

    fn confirmed(&self) -> MutexGuard<'_, Option<Reading>> {
        self.confirmed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops revocations that can hit nothing alive any more.
    fn expire(&self, now_s: u64) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.zones.values_mut().for_each(|zone| zone.expire(now_s));
    }
}
