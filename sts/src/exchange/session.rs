//! The session of a workload: found, or opened and durable before anything names it. What acts for its
//! caller has one of its own below the caller's, so that it ends with that one.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use caracal_mandate::reason::Reason;
use caracal_store::CommitError;
use caracal_store::model::{Change, Session};
use tokio::sync::Mutex;

use super::{Holder, Permitted, Question};
use crate::clock::new_id;
use crate::service::Service;

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

/// An open session of the holder.
#[derive(Debug)]
pub(crate) struct InSession {
    id: Arc<str>,
}

impl InSession {
    /// Takes the policy's yes as evidence: who is refused opens no session.
    pub(super) async fn enter(
        service: &Service,
        question: &Question<'_>,
        _permitted: &Permitted,
    ) -> Result<Self, Reason> {
        let holder = &question.holder;
        // Less of a mandate stays in the session that the mandate is in.
        if let Some(narrowed) = question.subject.narrowed() {
            let id = narrowed.claims().sid.as_str().into();
            return Ok(Self { id });
        }
        let parent = question.subject.caller();
        let parent = parent.map(|caller| caller.claims().sid.as_str());
        if let Some(id) = find(service, holder, parent) {
            return Ok(Self { id });
        }
        let lock = service
            .sessions
            .of(holder)
            .ok_or(Reason::IssuerUnavailable)?;
        let _guard = lock.lock().await;
        // Whoever held the lock before may have opened it.
        if let Some(id) = find(service, holder, parent) {
            return Ok(Self { id });
        }
        let now_ms = service.clock.unix_ms();
        let id = new_id(&*service.random, "ses_").map_err(|_| Reason::IssuerUnavailable)?;
        let session = Session {
            id: id.clone(),
            application: holder.application().name.clone(),
            holder: holder.spiffe_id().clone(),
            opened_at: now_ms / 1000,
            parent: parent.map(str::to_owned),
        };
        let zone = &holder.zone().name;
        let committed = service
            .store
            .commit(zone, Change::SessionOpened(session), now_ms, None)
            .await;
        let committed = committed.map_err(|error| {
            tracing::error!(%error, %zone, "a session could not be opened");
            match error {
                CommitError::Limit(_) => Reason::SessionLimit,
                _ => Reason::IssuerUnavailable,
            }
        })?;
        // The state must know it before a mandate names it, so that its revocation is seen.
        let bound = Duration::from_millis(service.config.lease_ms);
        if !service.authority.wait_for(committed.seq, bound).await {
            return Err(Reason::IssuerUnavailable);
        }
        Ok(Self { id: id.into() })
    }

    /// Id.
    pub(crate) const fn id(&self) -> &Arc<str> {
        &self.id
    }
}

fn find(service: &Service, holder: &Holder, parent: Option<&str>) -> Option<Arc<str>> {
    let state = service.authority.read();
    let zone = state.zone(&holder.zone().name)?;
    let (application, workload) = (&holder.application().name, holder.spiffe_id());
    zone.sessions
        .find(parent, application, workload.as_str())
        .cloned()
}
