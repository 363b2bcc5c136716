//! The listener: plain, or TLS with client certificates for those who have one.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderValue;
use axum::http::header::CONNECTION;
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tower::Layer as _;

use super::Peer;
use crate::readiness::Draining;
use crate::tls::{TlsError, TlsFiles, spiffe_id};

/// Connections at a time; more wait in the listener's queue.
const MAX_CONNECTIONS: usize = 1024;

/// How long a TLS handshake may take, and the head of a request, idle time before it included.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(5);
const HEAD_PATIENCE: Duration = Duration::from_secs(15);

/// Pause after an accept that failed, as it does when file descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Most headers of a request.
const MAX_HEADERS: usize = 64;

/// Largest head of a request in bytes.
const MAX_HEAD_BYTES: usize = 32 * 1024;

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum HttpServeError {
    /// The identity is not usable.
    #[error("the TLS identity of the HTTP server is not usable")]
    Tls(#[from] TlsError),
}

/// Serves until `shutdown` completes; then requests in flight end.
pub(crate) async fn serve(
    router: Router,
    listener: TcpListener,
    tls: Option<TlsFiles>,
    draining: Draining,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), HttpServeError> {
    let acceptor = match tls {
        None => None,
        Some(files) => Some(TlsAcceptor::from(files.optional_client_auth().await?)),
    };
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let start = |(stream, address, slot)| {
        let connection = Connection {
            router: router.clone(),
            acceptor: acceptor.clone(),
            watcher: graceful.watcher(),
            draining: draining.clone(),
            slot,
        };
        tokio::spawn(connection.run(stream, address));
    };
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            accepted = accept(&listener, &slots) => {
                if let Some(accepted) = accepted {
                    start(accepted);
                }
            }
        }
    }
    // Whoever got through to the listener before it closes is answered as well.
    let waiting = || tokio::time::timeout(Duration::ZERO, accept(&listener, &slots));
    while let Ok(Some(accepted)) = waiting().await {
        start(accepted);
    }
    drop(listener);
    graceful.shutdown().await;
    Ok(())
}

async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, address)) => Some((stream, address, slot)),
        Err(error) => {
            tracing::warn!(%error, "a connection could not be accepted");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

struct Connection {
    router: Router,
    acceptor: Option<TlsAcceptor>,
    watcher: Watcher,
    draining: Draining,
    /// Given back when the connection ends.
    slot: OwnedSemaphorePermit,
}

impl Connection {
    async fn run(self, stream: TcpStream, address: SocketAddr) {
        // An answer is written at once; waiting to fill a segment would cost each up to 40 ms.
        let _best_effort = stream.set_nodelay(true);
        let mut peer = Peer {
            address: Some(address.ip().to_canonical()),
            spiffe_id: None,
        };
        let Some(acceptor) = self.acceptor.clone() else {
            return self.talk(stream, peer).await;
        };
        let handshake = tokio::time::timeout(HANDSHAKE_PATIENCE, acceptor.accept(stream)).await;
        let Ok(Ok(stream)) = handshake else {
            tracing::debug!(%address, "no TLS handshake");
            return;
        };
        let (_, session) = stream.get_ref();
        let certificate = session.peer_certificates().and_then(<[_]>::first);
        peer.spiffe_id = certificate.and_then(|certificate| spiffe_id(certificate));
        self.talk(stream, peer).await;
    }

    async fn talk(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, peer: Peer) {
        let Self {
            router,
            acceptor: _,
            watcher,
            draining,
            slot,
        } = self;
        let inner = TowerToHyperService::new(Extension(peer).layer(router));
        let service = service_fn(move |request| {
            let (answering, draining) = (inner.call(request), draining.clone());
            async move {
                let mut response = answering.await?;
                // Clients that keep connections go elsewhere, instead of losing the request that
                // they send in the moment when this one closes.
                if draining.has_begun() {
                    let close = HeaderValue::from_static("close");
                    response.headers_mut().insert(CONNECTION, close);
                }
                Ok::<_, Infallible>(response)
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_PATIENCE)
            .max_headers(MAX_HEADERS)
            .max_buf_size(MAX_HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), service);
        if let Err(error) = watcher.watch(connection).await {
            tracing::debug!(%error, "a connection ended early");
        }
        drop(slot);
    }
}
