//! One connection to a witness.

use std::sync::Arc;

use axum::body::Body;
use caracal_audit::witness::client::TransportError;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::Url;

use super::words;

/// Largest head of an answer in bytes, and most headers.
const MAX_HEAD_BYTES: usize = 16 * 1024;
const MAX_HEADERS: usize = 64;

/// Where a witness listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Endpoint {
    secure: bool,
    host: String,
    port: u16,
}

impl Endpoint {
    pub(super) fn of(url: &Url) -> Result<Self, TransportError> {
        let secure = match url.scheme() {
            "https" => true,
            // What is sent is public and what comes back is signed: in the clear, others can disturb
            // and not forge.
            "http" => false,
            _ => return Err(words("the address is neither https nor http")),
        };
        let is_plain = url.username().is_empty() && url.password().is_none();
        let host = url.host_str().filter(|_| is_plain);
        let (Some(host), Some(port)) = (host, url.port_or_known_default()) else {
            return Err(words("the address has no host, or a user"));
        };
        Ok(Self {
            secure,
            host: host.to_owned(),
            port,
        })
    }
}

/// Believes what the system believes, and what the operator adds.
pub(super) fn trust(
    authorities: Vec<CertificateDer<'static>>,
) -> Result<TlsConnector, rustls::Error> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    for error in &system.errors {
        tracing::warn!(%error, "an authority of the system cannot be read");
    }
    let (_taken, _ignored) = roots.add_parsable_certificates(system.certs);
    let (_taken, ignored) = roots.add_parsable_certificates(authorities);
    if ignored > 0 {
        tracing::warn!(ignored, "authorities of witnesses that are no authorities");
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

pub(super) async fn connect(
    endpoint: &Endpoint,
    tls: &TlsConnector,
) -> Result<SendRequest<Body>, TransportError> {
    let Endpoint { secure, host, port } = endpoint;
    // An IPv6 address stands in brackets in a URL, and nowhere else.
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((host, *port)).await.map_err(words)?;
    stream.set_nodelay(true).map_err(words)?;
    if !secure {
        return handshake(stream).await;
    }
    let name = ServerName::try_from(host.to_owned()).map_err(words)?;
    handshake(tls.connect(name, stream).await.map_err(words)?).await
}

async fn handshake(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> Result<SendRequest<Body>, TransportError> {
    let (sender, connection) = Builder::new()
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(words)?;
    // Ends when the sender is dropped or the witness closes it; either is seen by who sends next.
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to a witness ended");
        }
    });
    Ok(sender)
}
