//! Whether the service can answer, and what is wrong if it cannot: `GET /readyz`.
//!
//! Ready means: an exchange that is sent here now would not fail for a reason of ours. What is known is
//! looked at when somebody asks; what costs a question to a database or a token is asked once a second
//! in the background, whoever asks how often.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use caracal_audit::SelfCheckStatus;
use caracal_mandate::name::Name;
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::service::Service;

/// How often is asked, and how long an answer may take.
const PAUSE: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(2);

/// Zones that are named; more are only counted.
const MAX_NAMED: usize = 10;

/// The log that every ledger has or may have; whether it is there does not matter.
const ANY_LOG: &str = crate::request::SYSTEM_ZONE;

/// Whether a service was told to stop: it answers, and asks not to be asked. Clones are one.
#[derive(Debug, Clone, Default)]
pub struct Draining(Arc<AtomicBool>);

impl Draining {
    /// From now on it will.
    pub fn begin(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether it will.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// What the background found.
#[derive(Debug, Default)]
pub(crate) struct Findings(Mutex<Found>);

#[derive(Debug, Clone, Default)]
struct Found {
    ledger_silent: bool,
    /// Zones with a signing key that does not open here.
    locked: BTreeSet<Name>,
}

/// The answer.
#[derive(Debug, Serialize)]
pub(crate) struct Readiness {
    pub(crate) ready: bool,
    /// What is wrong, for people; empty when it is ready.
    reasons: Vec<String>,
    stopping: bool,
    authority_log: LogCheck,
    ledger: LedgerCheck,
    keys: KeyCheck,
    ledger_self_check: SelfCheckStatus,
}

#[derive(Debug, Serialize)]
struct LogCheck {
    ok: bool,
    /// Since the last confirmed read of the log began: everything older is known. Also how long the
    /// authority database has been silent.
    age_ms: Option<u64>,
    lease_ms: u64,
    position: u64,
}

#[derive(Debug, Serialize)]
struct LedgerCheck {
    ok: bool,
    /// Whether it takes events.
    running: bool,
    /// Whether its database answered the last time.
    answers: bool,
    /// Decisions that could not be recorded yet.
    waiting: usize,
}

#[derive(Debug, Serialize)]
struct KeyCheck {
    ok: bool,
    zones: usize,
    /// Zones whose key does not open in this process.
    locked: Vec<Name>,
    /// Zones that have none yet, which is no fault of this process.
    without: usize,
}

impl Service {
    /// What can be said now.
    pub(crate) fn readiness(&self) -> Readiness {
        let stopping = self.draining.has_begun();
        let now = self.clock.reading();
        let confirmed_ms = self.authority.confirmed_ms(now);
        let age_ms = confirmed_ms.map(|at| now.monotonic_ms.saturating_sub(at));
        let (position, zones, without) = {
            let state = self.authority.read();
            let without = state.zones().filter(|zone| zone.keys.signing().is_none());
            (state.applied(), state.zones().count(), without.count())
        };
        let found = self.findings.read();
        let authority_log = LogCheck {
            ok: self.is_fresh(),
            age_ms,
            lease_ms: self.config.lease_ms,
            position,
        };
        let (running, waiting) = (self.recorder.is_running(), self.recorder.waiting());
        let answers = !found.ledger_silent;
        let ledger = LedgerCheck {
            ok: running && answers && waiting == 0,
            running,
            answers,
            waiting,
        };
        let keys = KeyCheck {
            ok: found.locked.is_empty(),
            zones,
            locked: found.locked.iter().take(MAX_NAMED).cloned().collect(),
            without,
        };
        let mut reasons = Vec::new();
        if stopping {
            reasons.push("the process was told to stop".to_owned());
        }
        if !authority_log.ok {
            let age = age_ms.map_or("never".to_owned(), |ms| format!("{ms} ms ago"));
            let lease_ms = self.config.lease_ms;
            reasons.push(format!(
                "the authority log was last read {age}, which has to be less than {lease_ms} ms: \
                the authority database does not answer"
            ));
        }
        if !running {
            reasons.push("the ledger takes no events: look at the log, and restart".to_owned());
        }
        if !answers {
            reasons.push("the ledger's database does not answer".to_owned());
        }
        if waiting > 0 {
            reasons.push(format!("{waiting} decisions could not be recorded yet"));
        }
        if !keys.ok {
            let count = found.locked.len();
            reasons.push(format!(
                "the signing keys of {count} zones do not open here"
            ));
        }
        let ledger_self_check = self.recorder.ledger().self_check();
        reasons.extend(ledger_self_check.reasons());
        Readiness {
            ready: reasons.is_empty(),
            reasons,
            stopping,
            authority_log,
            ledger,
            keys,
            ledger_self_check,
        }
    }

    /// Asks what costs something to ask.
    pub(crate) async fn look_around(&self) {
        let asked = self.recorder.ledger().checkpoint(ANY_LOG);
        let ledger_silent = !matches!(tokio::time::timeout(PATIENCE, asked).await, Ok(Ok(_)));
        let signing: Vec<(Name, Arc<str>)> = {
            let state = self.authority.read();
            let zones = state.zones();
            let signing = zones.filter_map(|zone| {
                let kid = Arc::clone(zone.keys.signing()?);
                Some((zone.zone.name.clone(), kid))
            });
            signing.collect()
        };
        let mut locked = BTreeSet::new();
        for (zone, kid) in signing {
            // Opened once, then it is at hand: this also spares the first exchange the wait.
            let opened = tokio::time::timeout(PATIENCE, self.keys.get(&zone, &kid)).await;
            // One that was replaced meanwhile says nothing.
            let current = || {
                let state = self.authority.read();
                let now = state.zone(&zone).and_then(|zone| zone.keys.signing());
                now.is_some_and(|now| *now == kid)
            };
            if !matches!(opened, Ok(Ok(_))) && current() {
                locked.insert(zone);
            }
        }
        self.findings.set(Found {
            ledger_silent,
            locked,
        });
    }
}

impl Findings {
    fn read(&self) -> Found {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set(&self, found: Found) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = found;
    }
}

/// Runs until `stop` changes or the service is gone.
pub(crate) async fn run(service: Weak<Service>, mut stop: watch::Receiver<bool>) {
    let mut pause = tokio::time::interval(PAUSE);
    pause.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = stop.changed() => return,
            _ = pause.tick() => {}
        }
        let Some(service) = service.upgrade() else {
            return;
        };
        service.look_around().await;
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::World;

    #[tokio::test]
    async fn a_service_that_can_answer_is_ready() {
        let world = World::open().await;
        world.service().look_around().await;
        let readiness = world.service().readiness();
        assert!(readiness.ready, "{readiness:?}");
    }

    #[tokio::test]
    async fn it_is_not_ready_from_the_moment_that_it_is_told_to_stop() {
        let world = World::open().await;
        world.service().draining.begin();
        let readiness = world.service().readiness();
        assert!(!readiness.ready && readiness.stopping);
        assert_eq!(readiness.reasons.len(), 1, "{readiness:?}");
    }

    #[tokio::test]
    async fn a_closed_ledger_is_named() {
        let world = World::open().await;
        let service = world.service();
        service.recorder.ledger().clone().close().await;
        service.look_around().await;
        let readiness = service.readiness();
        assert!(!readiness.ready && !readiness.ledger.ok && !readiness.ledger.running);
        assert!(readiness.authority_log.ok && readiness.keys.ok);
    }
}
