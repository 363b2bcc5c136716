//! The management API as an emitter of the ledger.

use std::collections::VecDeque;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use caracal_audit::{AppendError, Ledger, Submission};
use caracal_mandate::event::{Action, Component, Emitter, Event, Outcome};
use caracal_mandate::name::Name;
use caracal_sts::{Clock, Random, RandomError};
use tokio::sync::Mutex;

/// Longest detail in characters; an event has to stay below the ledger's limit.
const MAX_DETAIL_CHARS: usize = 512;

/// What an administrative decision was about.
#[derive(Debug, Clone, Default)]
pub(super) struct Subject {
    pub(super) detail: String,
    pub(super) application: Option<String>,
    pub(super) grant: Option<String>,
    pub(super) policy: Option<String>,
    pub(super) resource: Option<String>,
    pub(super) session: Option<String>,
    pub(super) mandate: Option<String>,
    pub(super) scope: Option<String>,
}

/// Numbers events and hands them in. What the ledger did not take stays here and goes first the
/// next time, so that a number is never given to another event.
pub(super) struct Recorder {
    ledger: Ledger,
    clock: Arc<dyn Clock>,
    boot: String,
    backlog: Mutex<Backlog>,
}

#[derive(Default)]
struct Backlog {
    last: u64,
    events: VecDeque<Event>,
}

impl Recorder {
    pub(super) fn new(
        ledger: Ledger,
        clock: Arc<dyn Clock>,
        random: &dyn Random,
    ) -> Result<Self, RandomError> {
        let mut boot = [0_u8; 16];
        random.fill(&mut boot)?;
        let boot = URL_SAFE_NO_PAD.encode(boot);
        Ok(Self {
            ledger,
            clock,
            boot,
            backlog: Mutex::default(),
        })
    }

    /// Refuses when the ledger takes no events. Asked before a change is made, so that the backlog
    /// never holds more than the changes that were under way when the ledger failed.
    pub(super) async fn ready(&self) -> Result<(), AppendError> {
        if !self.ledger.is_running() {
            return Err(AppendError::Stopped);
        }
        self.flush(&mut *self.backlog.lock().await).await
    }

    /// Records one decision, durably.
    pub(super) async fn record(
        &self,
        zone: &Name,
        subject: Subject,
        outcome: Outcome,
        epoch: Option<u64>,
    ) -> Result<(), AppendError> {
        let Subject {
            detail,
            application,
            grant,
            policy,
            resource,
            session,
            mandate,
            scope,
        } = subject;
        let mut backlog = self.backlog.lock().await;
        backlog.last = backlog.last.saturating_add(1);
        let emitter = Emitter {
            boot: self.boot.clone(),
            name: "control".to_owned(),
            seq: backlog.last,
        };
        let fixed = Event::new(
            zone.as_str(),
            Component::Control,
            Action::Admin,
            outcome,
            emitter,
            self.clock.unix_ms(),
        );
        backlog.events.push_back(Event {
            detail: Some(detail.chars().take(MAX_DETAIL_CHARS).collect()),
            application,
            grant,
            policy,
            resource,
            session,
            mandate,
            scope,
            epoch,
            ..fixed
        });
        self.flush(&mut backlog).await
    }

    async fn flush(&self, backlog: &mut Backlog) -> Result<(), AppendError> {
        while let Some(event) = backlog.events.front() {
            let submission = Submission {
                event: event.clone(),
                peer: "local".to_owned(),
            };
            match self.ledger.append(vec![submission]).await {
                Ok(_) => {}
                // It will never be taken. Its number stays unused, which the verifier reports.
                Err(error @ AppendError::Rejected { .. }) => {
                    tracing::error!(%error, "the ledger refuses an event for good");
                }
                Err(error) => return Err(error),
            }
            backlog.events.pop_front();
        }
        Ok(())
    }
}
