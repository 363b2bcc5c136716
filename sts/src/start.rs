//! The handle that the process holds.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use caracal_audit::Ledger;
use caracal_mandate::name::Name;
use caracal_store::model::MAX_LEASE_MS;
use caracal_store::{ReadError, Store};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::authority::{Authority, TailError, Tailer};
use crate::clock::{Clock, Random, RandomError, new_id};
use crate::config::StsConfig;
use crate::exchange::{Leases, SessionLocks};
use crate::feed::{AckReport, Fanout, PointStatus, Registry, fan_out};
use crate::http::HttpServeError;
use crate::jwks::Jwks;
use crate::keys::{KeyRing, KeyStorage};
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::peers::{PeerError, PeerStats, Peers, Surroundings};
use crate::policy::{PolicyDigest, PolicyError, PolicyRunner};
use crate::readiness::{Draining, Findings};
use crate::recorder::Recorder;
use crate::rotation::{KeyChange, KeyStatus, ZoneKeyError};
use crate::server::{ServeError, serve};
use crate::service::Service;
use crate::telemetry::{LogExportWatch, Telemetry, TelemetryError};
use crate::tls::TlsFiles;

/// How often refusals that could not be recorded are tried again.
const FLUSH_PAUSE: Duration = Duration::from_millis(500);

/// How often single uses that count no more are forgotten.
const FORGET_PAUSE: Duration = Duration::from_mins(1);

/// Why the service did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The authority state could not be read.
    #[error(transparent)]
    Authority(#[from] TailError),
    /// No randomness.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// A pause or lifetime of zero, or a lease that keys are not kept for.
    #[error(
        "the lease must be 1 to {MAX_LEASE_MS} milliseconds, and the lifetimes and the pause between \
         reads above 0"
    )]
    Config,
    /// No way to the other replicas.
    #[error(transparent)]
    Peers(#[from] PeerError),
    /// No way to the collector of traces.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
}

/// The work of a long method. Boxed, so that its code is generated here and not again in every program and
/// test that calls it, which took minutes.
type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The running service. A cheap handle; its background tasks end with the last one.
#[derive(Clone)]
pub struct Sts {
    service: Arc<Service>,
    _running: Arc<watch::Sender<bool>>,
}

impl Sts {
    /// Reads the authority state up to the log's head, then follows it.
    pub fn start(
        store: Store,
        ledger: Ledger,
        keys: impl Into<KeyStorage>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        config: StsConfig,
    ) -> Boxed<Result<Self, StartError>> {
        Self::boxed_start(store, ledger, keys.into(), clock, random, config)
    }

    fn boxed_start(
        store: Store,
        ledger: Ledger,
        keys: KeyStorage,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        config: StsConfig,
    ) -> Boxed<Result<Self, StartError>> {
        Box::pin(Self::follow(store, ledger, keys, clock, random, config))
    }

    async fn follow(
        store: Store,
        ledger: Ledger,
        keys: KeyStorage,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        config: StsConfig,
    ) -> Result<Self, StartError> {
        if !(1..=MAX_LEASE_MS).contains(&config.lease_ms)
            || config.default_lifetime_s == 0
            || config.key_lifetime_s == 0
            || config.poll_ms == 0
        {
            return Err(StartError::Config);
        }
        let authority = Arc::new(Authority::new(store.term()));
        let policies = Arc::new(PolicyRunner::default());
        let registry = Arc::new(Registry::new(Arc::clone(&clock), store.term()));
        let tailer = Tailer {
            store: store.clone(),
            authority: Arc::clone(&authority),
            policies: Arc::clone(&policies),
            clock: Arc::clone(&clock),
            pause: Duration::from_millis(config.poll_ms),
        };
        tailer.catch_up().await?;
        // Whoever used this log before may have given leases; an empty log was nobody's.
        if authority.read().applied() > 0 {
            registry.expect_previous_leases(clock.monotonic_ms().saturating_add(config.lease_ms));
        }
        let telemetry = Telemetry::start(
            config.telemetry.as_ref(),
            &config.instance,
            Arc::clone(&clock),
            Arc::clone(&random),
        )?;
        let boot = new_id(&*random, "")?;
        let recorder = Recorder::new(ledger, config.instance.clone(), boot);
        // A dropped sender is a change too, so the tasks end with the last handle.
        let (running, stop) = watch::channel(false);
        let peers = config.redis.as_ref().map(|redis| {
            let surroundings = Surroundings {
                store: store.clone(),
                authority: Arc::clone(&authority),
                clock: Arc::clone(&clock),
                random: Arc::clone(&random),
            };
            Peers::start(redis, surroundings, &stop)
        });
        let peers = peers.transpose()?;
        let service = Arc::new(Service {
            keys: KeyRing::new(store.clone(), keys),
            sessions: SessionLocks::default(),
            leases: Leases::default(),
            store,
            authority,
            policies,
            recorder,
            registry,
            fanout: Arc::new(Fanout::default()),
            metrics: Metrics::default(),
            jwks: Jwks::new(&config.jwks, Arc::clone(&clock)),
            clock,
            random,
            limits: Limits::new(&config, peers.as_ref()),
            peers,
            config,
            draining: Draining::default(),
            findings: Findings::default(),
            telemetry,
        });
        tokio::spawn(tailer.run(stop.clone()));
        tokio::spawn(fan_out(Arc::downgrade(&service), stop.clone()));
        tokio::spawn(forget(Arc::downgrade(&service), stop.clone()));
        tokio::spawn(flush(Arc::downgrade(&service), stop.clone()));
        tokio::spawn(crate::readiness::run(
            Arc::downgrade(&service),
            stop.clone(),
        ));
        tokio::spawn(crate::rotation::run(Arc::downgrade(&service), stop));
        Ok(Self {
            service,
            _running: Arc::new(running),
        })
    }

    #[cfg(test)]
    pub(crate) const fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// Serves `Check`, `Watch` and `Append` with mutual TLS until `shutdown` completes.
    pub fn serve_grpc(
        &self,
        listener: TcpListener,
        tls: TlsFiles,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Boxed<Result<(), ServeError>> {
        self.grpc(listener, tls, Box::pin(shutdown))
    }

    /// Serves [`Self::http_router`] until `shutdown` completes: with TLS and client certificates for
    /// those who have one, or plain behind something that speaks TLS.
    pub fn serve_http(
        &self,
        listener: TcpListener,
        tls: Option<TlsFiles>,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Boxed<Result<(), HttpServeError>> {
        self.http(self.http_router(), listener, tls, Box::pin(shutdown))
    }

    /// The OAuth endpoints, `/zones/{zone}/jwks.json`, `/healthz`, `/readyz`.
    pub fn http_router(&self) -> axum::Router {
        crate::http::router(Arc::clone(&self.service))
    }

    /// Serves `GET /metrics` until `shutdown` completes. No secret is in it, but much about who asks
    /// how often: it belongs where the operator's own systems reach it and nobody else.
    pub fn serve_metrics(
        &self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Boxed<Result<(), HttpServeError>> {
        self.http(self.metrics_router(), listener, None, Box::pin(shutdown))
    }

    /// `GET /metrics` alone.
    pub fn metrics_router(&self) -> axum::Router {
        crate::http::metrics_router(Arc::clone(&self.service))
    }

    /// Shows how far the export of the ledger is, in the metrics.
    pub fn show_log_export(&self, export: LogExportWatch) {
        self.service.metrics.show_log_export(export);
    }

    fn grpc(
        &self,
        listener: TcpListener,
        tls: TlsFiles,
        shutdown: Boxed<()>,
    ) -> Boxed<Result<(), ServeError>> {
        Box::pin(serve(Arc::clone(&self.service), listener, tls, shutdown))
    }

    fn http(
        &self,
        router: axum::Router,
        listener: TcpListener,
        tls: Option<TlsFiles>,
        shutdown: Boxed<()>,
    ) -> Boxed<Result<(), HttpServeError>> {
        let draining = self.service.draining.clone();
        Box::pin(crate::http::serve(
            router, listener, tls, draining, shutdown,
        ))
    }

    /// Says that the service will stop: from now on it is not ready, while it answers as before.
    pub fn begin_drain(&self) {
        self.service.draining.begin();
    }

    /// Hands in what could not be recorded when it was decided, and the last traces.
    pub async fn flush(&self) {
        self.service.recorder.flush().await;
        self.service.telemetry.flush().await;
    }

    /// The connected enforcement points.
    #[must_use]
    pub fn points(&self) -> Vec<PointStatus> {
        self.service.registry.points()
    }

    /// Waits until no enforcement point of the zone can decide alone on a state before `seq`.
    pub async fn wait_applied(&self, zone: &Name, seq: u64, bound: Duration) -> AckReport {
        let Service {
            registry,
            authority,
            ..
        } = &*self.service;
        registry.wait_applied(authority, zone, seq, bound).await
    }

    /// Waits until this service decides on a state that has `seq` in it; false after `bound`.
    pub async fn wait_read(&self, seq: u64, bound: Duration) -> bool {
        self.service.authority.wait_for(seq, bound).await
    }

    /// What was said between the replicas so far, if they are connected.
    #[must_use]
    pub fn peer_stats(&self) -> Option<PeerStats> {
        self.service.peers.as_ref().map(Peers::stats)
    }

    /// The lease, which is the bound for [`Sts::wait_applied`] after which silence means closed.
    #[must_use]
    pub fn lease(&self) -> Duration {
        Duration::from_millis(self.service.config.lease_ms)
    }

    /// Gives a zone a signing key, unless it has one.
    pub async fn ensure_zone_key(&self, zone: &Name) -> Result<(), ZoneKeyError> {
        self.service.ensure_key(zone).await
    }

    /// Lets the zone's next key take over. Nothing is refused meanwhile: the key that signed until
    /// now is verified for as long as anything that it signed lives. A repeated request with the
    /// same idempotency key rotates once.
    pub async fn rotate_key(
        &self,
        zone: &Name,
        idempotency: Option<&str>,
    ) -> Result<KeyChange, ZoneKeyError> {
        self.service.rotate_key(zone, idempotency).await
    }

    /// Revokes a key, now, and every mandate of the zone that was issued until now. The next key
    /// takes over in the same moment; where there is none yet, one is made.
    pub async fn revoke_key(
        &self,
        zone: &Name,
        kid: &str,
        idempotency: Option<&str>,
    ) -> Result<KeyChange, ZoneKeyError> {
        self.service.revoke_key(zone, kid, idempotency).await
    }

    /// Every key that the zone ever had, newest first.
    pub async fn zone_keys(&self, zone: &Name) -> Result<Vec<KeyStatus>, ReadError> {
        self.service.zone_keys(zone).await
    }

    /// What is due for the keys of every zone: see [`crate::rotation`]. It is done again and again
    /// while the service runs.
    #[cfg(test)]
    pub(crate) async fn keep_keys(&self) {
        self.service.keep_keys().await;
    }

    /// Checks a policy source and returns the name of the version that it is.
    pub async fn check_policy(&self, source: &str) -> Result<PolicyDigest, PolicyError> {
        let compiled = self.service.policies.compile(source.into()).await?;
        Ok(compiled.digest().clone())
    }
}

async fn flush(service: std::sync::Weak<Service>, mut stop: watch::Receiver<bool>) {
    let mut pause = tokio::time::interval(FLUSH_PAUSE);
    loop {
        tokio::select! {
            _ = stop.changed() => return,
            _ = pause.tick() => {}
        }
        let Some(service) = service.upgrade() else {
            return;
        };
        service.recorder.flush().await;
    }
}

async fn forget(service: std::sync::Weak<Service>, mut stop: watch::Receiver<bool>) {
    let mut pause = tokio::time::interval(FORGET_PAUSE);
    pause.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = stop.changed() => return,
            _ = pause.tick() => {}
        }
        let Some(service) = service.upgrade() else {
            return;
        };
        let now_s = service.clock.unix_ms() / 1000;
        if let Err(error) = service.store.forget_uses(now_s).await {
            tracing::warn!(%error, "old single uses are kept for now");
        }
    }
}
