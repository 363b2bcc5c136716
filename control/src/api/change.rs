//! The one way of every change: recordable, committed, recorded, read by the token service, answered.

mod subject;

use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use caracal_mandate::event::Outcome;
use caracal_mandate::name::Name;
use caracal_store::Committed;
use caracal_store::model::{Change, RevocationTarget, Session};
use caracal_sts::{KeyChange, ZoneKeyError};
use serde::Serialize;

use super::error::ApiError;
use super::recorder::Subject;
use super::{Api, Authority, KeyStepError};

/// Longest wait for the token service beside us to read what was committed. It is a few milliseconds
/// behind, and stays behind only in trouble, which its own readiness reports.
const READ_PATIENCE: Duration = Duration::from_secs(1);

/// The answer to a change: what was made, and its place in the log.
#[derive(Serialize)]
pub(super) struct Made<T> {
    #[serde(flatten)]
    item: T,
    seq: u64,
    replayed: bool,
}

impl<T: Serialize> Made<T> {
    pub(super) const fn new(item: T, committed: Committed) -> Self {
        let Committed { seq, replayed } = committed;
        Self {
            item,
            seq,
            replayed,
        }
    }
}

impl<T: Serialize> IntoResponse for Made<T> {
    fn into_response(self) -> Response {
        let status = if self.replayed {
            StatusCode::OK
        } else {
            StatusCode::CREATED
        };
        (status, Json(self)).into_response()
    }
}

/// The answer to a removal: there is nothing to show but its place in the log.
#[derive(Serialize)]
pub(super) struct Removed {
    seq: u64,
    replayed: bool,
}

impl IntoResponse for Removed {
    fn into_response(self) -> Response {
        Json(self).into_response()
    }
}

impl From<Committed> for Removed {
    fn from(Committed { seq, replayed }: Committed) -> Self {
        Self { seq, replayed }
    }
}

/// The answer to a listing.
#[derive(Serialize)]
pub(super) struct Items<T> {
    pub(super) items: Vec<T>,
}

enum Request {
    Change(Change),
    Revocation(RevocationTarget),
    KeyRotation,
    KeyRevocation(String),
    Declaration { session: Session, takes_over: bool },
}

/// What became of a request. Only the steps of keys say which key signs then.
pub(super) struct Done {
    pub(super) committed: Committed,
    pub(super) signing: Option<String>,
}

impl From<KeyChange> for Done {
    fn from(KeyChange { committed, signing }: KeyChange) -> Self {
        Self { committed, signing }
    }
}

impl From<Committed> for Done {
    fn from(committed: Committed) -> Self {
        let signing = None;
        Self { committed, signing }
    }
}

impl<A: Authority> Api<A> {
    /// Commits a change and records it.
    pub(super) async fn change(
        &self,
        zone: &Name,
        change: Change,
        idempotency: Option<String>,
    ) -> Result<Committed, ApiError> {
        let subject = subject::of(&change);
        self.detached(zone, Request::Change(change), subject, idempotency)
            .await
            .map(|done| done.committed)
    }

    /// Lets the zone's next key take over, and records it.
    pub(super) async fn rotate_key(
        &self,
        zone: &Name,
        idempotency: Option<String>,
    ) -> Result<Done, ApiError> {
        let subject = subject::of_rotation();
        self.detached(zone, Request::KeyRotation, subject, idempotency)
            .await
    }

    /// Revokes a key and records it.
    pub(super) async fn revoke_key(
        &self,
        zone: &Name,
        kid: String,
        idempotency: Option<String>,
    ) -> Result<Done, ApiError> {
        let subject = subject::of_key_revocation(&kid);
        self.detached(zone, Request::KeyRevocation(kid), subject, idempotency)
            .await
    }

    /// Commits a revocation and records it.
    pub(super) async fn revoke(
        &self,
        zone: &Name,
        target: RevocationTarget,
        idempotency: Option<String>,
    ) -> Result<Committed, ApiError> {
        let subject = subject::of_revocation(&target);
        self.detached(zone, Request::Revocation(target), subject, idempotency)
            .await
            .map(|done| done.committed)
    }

    /// Declares a session and records it.
    pub(super) async fn declare(
        &self,
        zone: &Name,
        session: Session,
        takes_over: bool,
        idempotency: Option<String>,
    ) -> Result<Committed, ApiError> {
        let subject = subject::of_declaration(&session);
        let request = Request::Declaration {
            session,
            takes_over,
        };
        self.detached(zone, request, subject, idempotency)
            .await
            .map(|done| done.committed)
    }

    /// Refuses a change that never reaches the store, and records that.
    pub(super) async fn refuse(&self, zone: &Name, subject: Subject) -> Result<(), ApiError> {
        let recorded = self
            .recorder
            .record(zone, subject, Outcome::Deny, None)
            .await;
        recorded.map_err(|error| ApiError::not_recorded(&error))
    }

    /// Refuses a zone that does not exist.
    pub(super) async fn require_zone(&self, zone: &Name) -> Result<(), ApiError> {
        match self.store.zone(zone).await.map_err(ApiError::read)? {
            Some(_) => Ok(()),
            None => Err(ApiError::no_zone(zone)),
        }
    }

    /// On a task of its own: a caller that hangs up must not come between commit and record.
    async fn detached(
        &self,
        zone: &Name,
        request: Request,
        subject: Subject,
        idempotency: Option<String>,
    ) -> Result<Done, ApiError> {
        let (api, zone) = (self.clone(), zone.clone());
        let task = tokio::spawn(async move {
            let _in_flight = api.in_flight.read().await;
            api.settle(&zone, request, subject, idempotency).await
        });
        let done = task
            .await
            .map_err(|_| ApiError::internal("the change ended in a panic"))??;
        // Who grants something and uses it at once is not refused.
        let seq = done.committed.seq;
        self.authority.wait_read(seq, READ_PATIENCE).await;
        Ok(done)
    }

    async fn settle(
        &self,
        zone: &Name,
        request: Request,
        subject: Subject,
        idempotency: Option<String>,
    ) -> Result<Done, ApiError> {
        self.recorder
            .ready()
            .await
            .map_err(|error| ApiError::not_recordable(&error))?;
        let (now_ms, key) = (self.clock.unix_ms(), idempotency.as_deref());
        let result = match request {
            Request::Change(change) => self
                .store
                .commit(zone, change, now_ms, key)
                .await
                .map(Done::from)
                .map_err(|error| ZoneKeyError::from(error).into()),
            Request::Revocation(target) => self
                .store
                .revoke(zone, target, now_ms.div_euclid(1000), key)
                .await
                .map(Done::from)
                .map_err(|error| ZoneKeyError::from(error).into()),
            Request::Declaration {
                session,
                takes_over,
            } => self
                .store
                .declare_session(zone, session, takes_over, now_ms, key)
                .await
                .map(Done::from)
                .map_err(|error| ZoneKeyError::from(error).into()),
            Request::KeyRotation => self.authority.rotate_key(zone, key).await.map(Done::from),
            Request::KeyRevocation(kid) => self
                .authority
                .revoke_key(zone, &kid, key)
                .await
                .map(Done::from),
        };
        let (subject, outcome, epoch) = account(subject, &result);
        let recorded = self.recorder.record(zone, subject, outcome, epoch).await;
        recorded.map_err(|error| ApiError::not_recorded(&error))?;
        result.map_err(|error| ApiError::key_change(zone, error))
    }
}

fn account(
    subject: Subject,
    result: &Result<Done, KeyStepError>,
) -> (Subject, Outcome, Option<u64>) {
    match result.as_ref().map(|done| done.committed) {
        Ok(Committed {
            seq,
            replayed: false,
        }) => (subject, Outcome::Allow, Some(seq)),
        Ok(Committed {
            seq,
            replayed: true,
        }) => {
            let detail = format!("{} (repeated request)", subject.detail);
            (Subject { detail, ..subject }, Outcome::Allow, Some(seq))
        }
        Err(error) => {
            let detail = format!("{} refused: {error}", subject.detail);
            (Subject { detail, ..subject }, Outcome::Deny, None)
        }
    }
}
