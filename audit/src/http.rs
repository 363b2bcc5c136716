//! A client of HTTP/1.1, with TLS, whose answers are bounded in size and in time.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::http::request::Builder;
use hyper::{HeaderMap, StatusCode};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use url::{Host, Url};

/// Longest wait for a connection, and for an answer as a whole.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(30);

/// Connections, kept for the next request. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct HttpClient(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

/// Why there is no answer, or not the one that was hoped for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    #[error("not a request that can be sent: {0}")]
    Request(hyper::http::Error),
    #[error("no answer")]
    Send(#[source] hyper_util::client::legacy::Error),
    #[error("the answer breaks off, or is too long: {0}")]
    Body(Box<dyn std::error::Error + Send + Sync>),
    #[error("no answer within {} seconds", PATIENCE.as_secs())]
    Late,
    #[error("answered with status {status} {code}")]
    Refused { status: StatusCode, code: String },
}

/// What was answered.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl HttpClient {
    /// Believes the authorities of the system, and these. Reads files: not for a task that must not
    /// block.
    pub(crate) fn new(authorities: &[CertificateDer<'static>]) -> Result<Self, rustls::Error> {
        let mut roots = RootCertStore::empty();
        let system = rustls_native_certs::load_native_certs();
        for error in &system.errors {
            tracing::warn!(%error, "an authority of the system cannot be read");
        }
        let (_taken, _ignored) = roots.add_parsable_certificates(system.certs);
        let (_taken, ignored) = roots.add_parsable_certificates(authorities.iter().cloned());
        if ignored > 0 {
            tracing::warn!(ignored, "authorities that were given and are none");
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(CONNECT_PATIENCE));
        tcp.set_nodelay(true);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        Ok(Self(Client::builder(TokioExecutor::new()).build(connector)))
    }

    /// Sends a request; an answer of more than `most` bytes is an error. No redirect is followed.
    pub(crate) async fn send(
        &self,
        request: Builder,
        body: Vec<u8>,
        most: usize,
    ) -> Result<Answer, RequestError> {
        let request = request.body(Full::new(Bytes::from(body)));
        let request = request.map_err(RequestError::Request)?;
        let exchange = async {
            let answer = self.0.request(request).await;
            let (head, body) = answer.map_err(RequestError::Send)?.into_parts();
            let body = Limited::new(body, most).collect().await;
            let body = body.map_err(RequestError::Body)?.to_bytes();
            Ok(Answer {
                status: head.status,
                headers: head.headers,
                body: body.to_vec(),
            })
        };
        let answered = tokio::time::timeout(PATIENCE, exchange).await;
        answered.unwrap_or(Err(RequestError::Late))
    }
}

/// Whether nobody else sees what is sent there: `https`, or this machine.
pub(crate) fn is_private(url: &Url) -> bool {
    let is_loopback = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    url.scheme() == "https" || is_loopback
}
