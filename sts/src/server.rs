//! The gRPC server: four services behind mutual TLS.

mod connection;

use std::sync::Arc;
use std::time::Duration;

use caracal_proto::ledger::ledger_server::LedgerServer;
use caracal_proto::operations::operations_server::OperationsServer;
use envoy_types::pb::envoy::service::auth::v3::authorization_server::AuthorizationServer;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_stream::StreamExt as _;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use crate::check::CheckService;
use crate::feed::FeedDoor;
use crate::ledger::{LedgerService, MAX_BATCH_BYTES};
use crate::operations::OperationsService;
use crate::service::Service;
use crate::tls::{TlsFileError, TlsFiles};
use connection::Connection;
pub(crate) use connection::{OpenFeed, peer_id};

/// A silent connection is probed this often, and dropped this much later: a point behind a dead
/// link is gone from the list soon after its lease.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// Streams of one connection at a time.
const MAX_STREAMS: u32 = 1024;

/// HTTP/2 window of a stream and of a connection: a batch of decisions goes in one flight, and the
/// worker that sends it does not wake up for every 64 KiB of it.
const WINDOW_BYTES: u32 = 1024 * 1024;

/// Largest message of a check: headers, and no body.
const MAX_CHECK_BYTES: usize = 256 * 1024;

/// Largest message of the management API.
const MAX_OPERATION_BYTES: usize = 16 * 1024;

/// Why the server ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A file of the identity cannot be read.
    #[error(transparent)]
    TlsFile(#[from] TlsFileError),
    /// The identity is not usable, or the listener failed.
    #[error("the gRPC server failed")]
    Transport(#[from] tonic::transport::Error),
}

/// Serves until `shutdown` completes; then open feeds are told, and calls in flight end.
pub(crate) async fn serve(
    service: Arc<Service>,
    listener: TcpListener,
    tls: TlsFiles,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    // Fails when a provider is installed already, which is as good.
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let (stopping, stop) = watch::channel(false);
    // An ack that waits for more data would cost each decision up to 40 ms.
    let incoming = TcpIncoming::from(listener)
        .with_nodelay(Some(true))
        .map(|socket| socket.map(Connection::new));
    let watch = FeedDoor {
        service: Arc::clone(&service),
        stop,
    };
    Server::builder()
        .tls_config(tls.load().await?)?
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .max_concurrent_streams(MAX_STREAMS)
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .add_service(
            AuthorizationServer::new(CheckService(Arc::clone(&service)))
                .max_decoding_message_size(MAX_CHECK_BYTES),
        )
        .add_service(watch)
        .add_service(
            OperationsServer::new(OperationsService(Arc::clone(&service)))
                .max_decoding_message_size(MAX_OPERATION_BYTES),
        )
        .add_service(
            LedgerServer::new(LedgerService(service)).max_decoding_message_size(MAX_BATCH_BYTES),
        )
        .serve_with_incoming_shutdown(incoming, async move {
            shutdown.await;
            stopping.send_replace(true);
        })
        .await?;
    Ok(())
}
