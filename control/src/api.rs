//! The management API: REST and JSON, for administrators only.
//!
//! Every change goes one way: the ledger must be able to record it, the store commits it, the
//! ledger records it, the caller hears of it. See [`change`].

mod acknowledged;
mod applications;
mod audit;
mod auth;
mod authority;
mod change;
mod credentials;
mod delegations;
mod error;
mod extract;
mod grants;
mod id;
mod issuers;
mod keys;
#[cfg(any(test, fuzzing))]
pub(crate) mod law;
mod points;
mod policies;
mod proofs;
mod recorder;
mod resources;
mod revocations;
mod sessions;
mod suspensions;
#[cfg(test)]
pub(crate) mod tests;
mod zones;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, post, put};
use caracal_audit::Ledger;
use caracal_store::Store;
use caracal_sts::{Clock, Draining, Random, RandomError};
use tokio::sync::{RwLock, Semaphore};

pub use auth::AdminToken;
pub use authority::{
    Authority, AuthorityError, KeyListError, KeyStepError, Points, PolicyRefusal, RefusalKind,
};

use error::ApiError;
use recorder::Recorder;

/// Longest body of a request in bytes.
pub const MAX_BODY_BYTES: usize = 256 * 1024;

/// What the handlers work on. A cheap handle; clones share everything.
#[derive(Clone)]
pub struct Api<A> {
    store: Store,
    ledger: Ledger,
    authority: A,
    recorder: Arc<Recorder>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    lease: Duration,
    /// Held for reading by every change, so that shutting down can wait for those whose caller
    /// has gone away.
    in_flight: Arc<RwLock<()>>,
    /// Places of those who wait for a log to grow.
    waiters: Arc<Semaphore>,
    draining: Draining,
}

impl<A: Authority> Api<A> {
    /// Ties the parts together. `lease` is how long an enforcement point goes on when it hears
    /// nothing: the bound of every wait for acknowledgements.
    pub fn new(
        store: Store,
        ledger: Ledger,
        authority: A,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        lease: Duration,
    ) -> Result<Self, RandomError> {
        let recorder = Arc::new(Recorder::new(ledger.clone(), Arc::clone(&clock), &*random)?);
        let in_flight = Arc::default();
        Ok(Self {
            store,
            ledger,
            authority,
            recorder,
            clock,
            random,
            lease,
            in_flight,
            waiters: Arc::new(Semaphore::new(audit::MAX_WAITERS)),
            draining: Draining::default(),
        })
    }

    /// Lets nobody wait any more once `draining` has begun.
    #[must_use]
    pub fn stopping_with(self, draining: Draining) -> Self {
        Self { draining, ..self }
    }

    /// Waits until every change that was begun is committed or refused, and recorded.
    pub async fn drain(&self) {
        let _all = self.in_flight.write().await;
    }

    /// The routes, behind the administrator's token.
    pub fn router(self, token: AdminToken) -> Router {
        Router::new()
            .route("/v1/zones", post(zones::create::<A>).get(zones::list::<A>))
            .route(
                "/v1/zones/{zone}/applications",
                post(applications::create::<A>).get(applications::list::<A>),
            )
            .route(
                "/v1/zones/{zone}/applications/{application}/credentials",
                post(credentials::add::<A>).get(credentials::list::<A>),
            )
            .route(
                "/v1/zones/{zone}/applications/{application}/credentials/{id}",
                delete(credentials::revoke::<A>),
            )
            .route(
                "/v1/zones/{zone}/issuers",
                post(issuers::create::<A>).get(issuers::list::<A>),
            )
            .route(
                "/v1/zones/{zone}/issuers/{issuer}",
                delete(issuers::remove::<A>),
            )
            .route("/v1/zones/{zone}/keys", get(keys::list::<A>))
            .route("/v1/zones/{zone}/keys/rotate", post(keys::rotate::<A>))
            .route("/v1/zones/{zone}/keys/{kid}", delete(keys::revoke::<A>))
            .route(
                "/v1/zones/{zone}/resources",
                post(resources::put::<A>).get(resources::list::<A>),
            )
            .route(
                "/v1/zones/{zone}/grants",
                post(grants::create::<A>).get(grants::list::<A>),
            )
            .route(
                "/v1/zones/{zone}/delegations",
                post(delegations::create::<A>).get(delegations::list::<A>),
            )
            .route("/v1/zones/{zone}/policies", get(policies::list::<A>))
            .route(
                "/v1/zones/{zone}/policies/active",
                put(policies::activate::<A>),
            )
            .route(
                "/v1/zones/{zone}/policies/{digest}",
                get(policies::show::<A>),
            )
            .route(
                "/v1/zones/{zone}/points",
                post(points::create::<A>).get(points::list::<A>),
            )
            .route("/v1/zones/{zone}/points/status", get(points::status::<A>))
            .route(
                "/v1/zones/{zone}/revocations",
                post(revocations::create::<A>).get(revocations::list::<A>),
            )
            .route(
                "/v1/zones/{zone}/suspensions",
                post(suspensions::create::<A>).get(suspensions::list::<A>),
            )
            .route(
                "/v1/zones/{zone}/suspensions/{kind}/{id}",
                delete(suspensions::remove::<A>),
            )
            .route(
                "/v1/zones/{zone}/sessions",
                post(sessions::declare::<A>).get(sessions::list::<A>),
            )
            .route(
                "/v1/zones/{zone}/sessions/{session}/heartbeat",
                post(sessions::heartbeat::<A>),
            )
            .route("/v1/zones/{zone}/audit", get(audit::list::<A>))
            .route(
                "/v1/zones/{zone}/audit/checkpoint",
                get(proofs::checkpoint::<A>),
            )
            .route(
                "/v1/zones/{zone}/audit/consistency",
                get(proofs::consistency::<A>),
            )
            .route(
                "/v1/zones/{zone}/audit/entries/{index}",
                get(proofs::entry::<A>),
            )
            .route(
                "/v1/zones/{zone}/audit/entries/{index}/proof",
                get(proofs::inclusion::<A>),
            )
            .fallback(|| async { ApiError::no_route() })
            .method_not_allowed_fallback(|| async { ApiError::no_method() })
            .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
            .layer(from_fn_with_state(token, auth::require_token))
            .with_state(self)
    }
}
