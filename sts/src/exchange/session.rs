//! The session of a workload: found, or opened and durable before anything names it. What acts for its
//! caller has one of its own below the caller's, so that it ends with that one.

mod lease;

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use caracal_mandate::reason::Reason;
use caracal_store::CommitError;
use caracal_store::model::{Change, Session, SessionTerms};
use tokio::sync::Mutex;

use super::{Holder, Permitted, Question, Subject, Unminted};
use crate::authority::ZoneState;
use crate::clock::new_id;
use crate::service::Service;

pub(crate) use lease::Leases;

/// Locks so that one workload's first requests open one session and not several.
const LOCKS: usize = 64;

/// One lock for each share of the workloads.
#[derive(Debug)]
pub(crate) struct SessionLocks(Vec<Mutex<()>>);

impl Default for SessionLocks {
    fn default() -> Self {
        Self((0..LOCKS).map(|_| Mutex::default()).collect())
    }
}

impl SessionLocks {
    fn of(&self, holder: &Holder) -> Option<&Mutex<()>> {
        let mut hash = DefaultHasher::new();
        (
            &holder.zone().name,
            &holder.application().name,
            holder.spiffe_id(),
        )
            .hash(&mut hash);
        let index = usize::try_from(hash.finish())
            .unwrap_or_default()
            .checked_rem(self.0.len())?;
        self.0.get(index)
    }
}

/// The session that the holder is in before it is asked for anything: what the policy reads of it.
#[derive(Debug)]
pub(crate) struct Seen {
    id: Option<Arc<str>>,
    is_declared: bool,
    labels: BTreeMap<String, String>,
}

impl Seen {
    pub(super) fn by(zone: &ZoneState, question: &Question<'_>) -> Self {
        let subject = &question.subject;
        let narrowed = subject.narrowed();
        let id: Option<Arc<str>> = match narrowed {
            Some(narrowed) => Some(narrowed.claims().sid.as_str().into()),
            None => question.holder.session(zone, parent(subject)).cloned(),
        };
        let sessions = &zone.sessions;
        let terms = id.as_ref().and_then(|id| sessions.terms(id));
        let is_declared = terms.is_some();
        // One that is not open yet has those of the session on whose behalf it will be.
        let labels = id.as_deref().or(parent(subject));
        let labels = labels.map(|id| sessions.labels(id)).unwrap_or_default();
        Self {
            id,
            is_declared,
            labels,
        }
    }

    /// Whether an administrator declared it.
    pub(crate) const fn is_declared(&self) -> bool {
        self.is_declared
    }

    /// Its labels and those of the sessions on whose behalf it is.
    pub(crate) const fn labels(&self) -> &BTreeMap<String, String> {
        &self.labels
    }

    /// Whether the policy decided on this one. It read nothing of one that is opened by itself afterwards.
    fn is(&self, id: &str, is_declared: bool) -> bool {
        match &self.id {
            Some(seen) => **seen == *id,
            None => !is_declared,
        }
    }
}

/// An open session of the holder.
#[derive(Debug)]
pub(crate) struct InSession {
    id: Arc<str>,
    until: Option<u64>,
}

impl InSession {
    /// Takes the policy's yes as evidence: who is refused opens no session.
    pub(super) async fn enter(
        service: &Service,
        question: &Question<'_>,
        permitted: &Permitted,
    ) -> Result<Self, Unminted> {
        let holder = &question.holder;
        // Less of a mandate stays in the session that the mandate is in, and ends with the mandate.
        if let Some(narrowed) = question.subject.narrowed() {
            let id = narrowed.claims().sid.as_str().into();
            return Ok(Self { id, until: None });
        }
        let parent = parent(&question.subject);
        if let Some(open) = find(service, holder, parent) {
            return open.enter(service, holder, permitted).await;
        }
        let unavailable = Unminted::Refused(Reason::IssuerUnavailable);
        let Some(lock) = service.sessions.of(holder) else {
            return Err(unavailable);
        };
        let _guard = lock.lock().await;
        // Whoever held the lock before may have opened it.
        if let Some(open) = find(service, holder, parent) {
            return open.enter(service, holder, permitted).await;
        }
        let now_ms = service.clock.unix_ms();
        let Ok(id) = new_id(&*service.random, "ses_") else {
            return Err(unavailable);
        };
        let session = Session {
            id: id.clone(),
            application: holder.application().name.clone(),
            holder: holder.spiffe_id().clone(),
            opened_at: now_ms / 1000,
            parent: parent.map(str::to_owned),
            terms: None,
        };
        let zone = &holder.zone().name;
        let committed = service
            .store
            .commit(zone, Change::SessionOpened(session), now_ms, None)
            .await;
        let bound = Duration::from_millis(service.config.lease_ms);
        let committed = match committed {
            Ok(committed) => committed,
            // One was declared meanwhile, which is not in the state yet.
            Err(CommitError::InSession(_)) => {
                let mut known = service.authority.changes();
                service.authority.wake();
                let _changed = tokio::time::timeout(bound, known.changed()).await;
                return Err(Unminted::Moved);
            }
            Err(error) => {
                tracing::error!(%error, %zone, "a session could not be opened");
                return Err(match error {
                    CommitError::Limit(_) => Unminted::Refused(Reason::SessionLimit),
                    _ => unavailable,
                });
            }
        };
        // The state must know it before a mandate names it, so that its revocation is seen.
        if !service.authority.wait_for(committed.seq, bound).await {
            return Err(unavailable);
        }
        Ok(Self {
            id: id.into(),
            until: None,
        })
    }

    /// Id.
    pub(crate) const fn id(&self) -> &Arc<str> {
        &self.id
    }

    /// The second from which it is not good any more, by its terms and its heartbeats.
    pub(crate) const fn until(&self) -> Option<u64> {
        self.until
    }
}

/// A session that is there.
struct Open {
    id: Arc<str>,
    terms: Option<Arc<SessionTerms>>,
}

impl Open {
    /// Refuses one that is over: until somebody declares another one or ends it, the workload is in none.
    async fn enter(
        self,
        service: &Service,
        holder: &Holder,
        permitted: &Permitted,
    ) -> Result<InSession, Unminted> {
        let Self { id, terms } = self;
        if !permitted.seen().is(&id, terms.is_some()) {
            return Err(Unminted::Moved);
        }
        let Some(terms) = terms else {
            return Ok(InSession { id, until: None });
        };
        let now_ms = service.clock.unix_ms();
        let zone = &holder.zone().name;
        let lease = match terms.lease_s {
            None => None,
            Some(seconds) => {
                let Service { store, leases, .. } = service;
                let until = leases.until_ms(store, zone, &id, seconds, now_ms);
                let until = until.await.map_err(|error| {
                    tracing::error!(%error, %zone, "the lease of a session could not be read");
                    Unminted::Refused(Reason::IssuerUnavailable)
                })?;
                Some(until / 1000)
            }
        };
        let until = terms.expires_at.into_iter().chain(lease).min();
        if until.is_some_and(|until| until <= now_ms / 1000) {
            return Err(Unminted::Refused(Reason::SessionExpired));
        }
        Ok(InSession { id, until })
    }
}

fn find(service: &Service, holder: &Holder, on_behalf_of: Option<&str>) -> Option<Open> {
    let state = service.authority.read();
    let zone = state.zone(&holder.zone().name)?;
    let id = holder.session(zone, on_behalf_of)?;
    Some(Open {
        id: Arc::clone(id),
        terms: zone.sessions.terms(id).cloned(),
    })
}

/// The session on whose behalf the holder acts.
fn parent(subject: &Subject) -> Option<&str> {
    let caller = subject.caller();
    caller.map(|caller| caller.claims().sid.as_str())
}
