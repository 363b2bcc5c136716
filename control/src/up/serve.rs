//! The servers, and their end.

use std::time::Duration;

use anyhow::{Context as _, anyhow};
use caracal_sts::{Sts, TlsFiles};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::api::{AdminToken, Api};

/// How long calls in flight may take to end.
const DRAIN_PATIENCE: Duration = Duration::from_secs(10);

/// Where the servers listen.
pub(super) struct Listeners {
    pub(super) grpc: TcpListener,
    pub(super) http: TcpListener,
    pub(super) https: Option<TcpListener>,
    pub(super) admin: TcpListener,
    pub(super) metrics: Option<TcpListener>,
}

/// Serves until a signal asks to stop or one of the servers fails.
pub(super) async fn until_stopped(
    listeners: Listeners,
    tls: TlsFiles,
    sts: &Sts,
    api: Api<Sts>,
    token: AdminToken,
) -> anyhow::Result<()> {
    let Listeners {
        grpc,
        http,
        https,
        admin,
        metrics,
    } = listeners;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (stop, stopped) = watch::channel(false);
    let mut servers = JoinSet::new();
    let (service, shutdown) = (sts.clone(), stop_signal(stopped.clone()));
    let http_tls = tls.clone();
    servers.spawn(async move {
        service
            .serve_grpc(grpc, tls, shutdown)
            .await
            .context("the gRPC server")
    });
    let doors = [(Some(http), None), (https, Some(http_tls))];
    for (listener, tls) in doors {
        let Some(listener) = listener else { continue };
        let (service, shutdown) = (sts.clone(), stop_signal(stopped.clone()));
        servers.spawn(async move {
            let served = service.serve_http(listener, tls, shutdown).await;
            served.context("the HTTP server")
        });
    }
    if let Some(metrics) = metrics {
        let (service, shutdown) = (sts.clone(), stop_signal(stopped.clone()));
        servers.spawn(async move {
            let served = service.serve_metrics(metrics, shutdown).await;
            served.context("the metrics server")
        });
    }
    let (router, shutdown) = (api.router(token), stop_signal(stopped));
    servers.spawn(async move {
        let server = axum::serve(admin, router).with_graceful_shutdown(shutdown);
        server.await.context("the management API")
    });
    let outcome = tokio::select! {
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
        Some(ended) = servers.join_next() => match ended {
            Ok(Err(error)) => Err(error),
            Ok(Ok(())) => Err(anyhow!("a server ended by itself")),
            Err(panic) => Err(panic.into()),
        },
    };
    tracing::info!("draining");
    stop.send_replace(true);
    let drained = async { while servers.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN_PATIENCE, drained).await.is_err() {
        tracing::warn!("some calls did not end in time and are cut off");
        servers.shutdown().await;
    }
    outcome
}

async fn stop_signal(mut stopped: watch::Receiver<bool>) {
    // An error means that the sender is gone, which is a reason to stop as well.
    let _stopped = stopped.wait_for(|stopped| *stopped).await;
}
