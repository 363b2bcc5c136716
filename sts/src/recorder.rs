//! The way of this service's own decisions into the ledger.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use caracal_audit::{AppendError, Ledger, Submission};
use caracal_mandate::event::{Emitter, Event, Outcome};
use caracal_mandate::reason::Reason;

/// Identity under which this process hands in its own events.
const LOCAL: &str = "local";

/// Refused decisions that wait for the ledger to come back.
const MAX_BACKLOG: usize = 4096;

/// Evidence that a decision is durable. Only [`Recorder::record`] makes it.
#[derive(Debug)]
#[must_use = "nothing may be released before its decision is recorded"]
pub(crate) struct Receipt(());

/// The decision is not durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unrecorded;

/// Numbers events and waits until they are durable.
pub(crate) struct Recorder {
    ledger: Ledger,
    name: String,
    boot: String,
    next: AtomicU64,
    /// Numbers that were taken and not recorded. They are handed in later, as the refusals that
    /// they became, so that no number is missing for good.
    backlog: Arc<Mutex<VecDeque<Event>>>,
}

impl Recorder {
    pub(crate) fn new(ledger: Ledger, name: String, boot: String) -> Self {
        Self {
            ledger,
            name,
            boot,
            next: AtomicU64::new(1),
            backlog: Arc::default(),
        }
    }

    /// This service as the emitter of a new event. Its number is given when it is recorded.
    pub(crate) fn emitter(&self) -> Emitter {
        Emitter {
            boot: self.boot.clone(),
            name: self.name.clone(),
            seq: 0,
        }
    }

    /// Records one decision.
    pub(crate) async fn record(&self, mut event: Event) -> Result<Receipt, Unrecorded> {
        event.emitter.seq = self.next.fetch_add(1, Ordering::Relaxed);
        event.shorten();
        let (ledger, backlog) = (self.ledger.clone(), Arc::clone(&self.backlog));
        // A task of its own: a caller that hangs up must not take the number with it.
        let recording = tokio::spawn(async move {
            let submission = Submission {
                event: event.clone(),
                peer: LOCAL.to_owned(),
            };
            let Err(error) = ledger.append(vec![submission]).await else {
                return Ok(Receipt(()));
            };
            tracing::error!(%error, "a decision could not be recorded, so it is a no");
            event.outcome = Outcome::Deny;
            event.reason = Some(Reason::AuditUnavailable);
            event.mandate = None;
            event.chain = None;
            let mut backlog = backlog.lock().unwrap_or_else(PoisonError::into_inner);
            if backlog.len() < MAX_BACKLOG {
                backlog.push_back(event);
            }
            Err(Unrecorded)
        });
        recording.await.unwrap_or(Err(Unrecorded))
    }

    /// Hands in what could not be recorded when it was decided.
    pub(crate) async fn flush(&self) {
        loop {
            let waiting = self
                .backlog
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop_front();
            let Some(event) = waiting else { return };
            let submission = Submission {
                event: event.clone(),
                peer: LOCAL.to_owned(),
            };
            match self.ledger.append(vec![submission]).await {
                Ok(_) => {}
                // The first try did reach the disk: the number is not missing.
                Err(AppendError::Rejected { rejection, .. }) => {
                    tracing::warn!(%rejection, seq = event.emitter.seq, "a late event is not taken");
                }
                Err(_) => {
                    self.backlog
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push_front(event);
                    return;
                }
            }
        }
    }

    /// Whether the ledger takes decisions, as far as is known without trying.
    pub(crate) fn is_running(&self) -> bool {
        self.ledger.is_running()
    }

    /// Decisions that could not be recorded yet.
    pub(crate) fn waiting(&self) -> usize {
        let backlog = self.backlog.lock();
        backlog.unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The ledger, for events of others.
    pub(crate) const fn ledger(&self) -> &Ledger {
        &self.ledger
    }
}
