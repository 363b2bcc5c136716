//! The listener: plain, or TLS with client certificates for those who have one.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tower::Layer as _;

use super::Peer;
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
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), HttpServeError> {
    let acceptor = match tls {
        None => None,
        Some(files) => Some(TlsAcceptor::from(files.optional_client_auth().await?)),
    };
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let (stream, address, slot) = tokio::select! {
            () = &mut shutdown => break,
            accepted = accept(&listener, &slots) => match accepted {
                Some(accepted) => accepted,
                None => continue,
            },
        };
        let connection = Connection {
            router: router.clone(),
            acceptor: acceptor.clone(),
            watcher: graceful.watcher(),
            slot,
        };
        tokio::spawn(connection.run(stream, address));
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
            slot,
        } = self;
        let service = TowerToHyperService::new(Extension(peer).layer(router));
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
