//! One fetch: one connection, one request, one bounded answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::header::{ACCEPT, CONTENT_ENCODING, HOST, USER_AGENT};
use axum::http::{Request, StatusCode};
use caracal_store::model::{JwkError, JwkSet, KeysUrl};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use super::address::is_allowed;

/// Longest fetch, name resolution and handshake included.
const BOUND: Duration = Duration::from_secs(5);

/// Largest set in bytes: [`caracal_store::model::jwk::MAX_KEYS`] RSA keys with their certificates.
const MAX_BYTES: usize = 256 * 1024;

/// Largest head of an answer in bytes, and most headers.
const MAX_HEAD_BYTES: usize = 16 * 1024;
const MAX_HEADERS: usize = 64;

/// Most addresses of one name that are tried.
const MAX_ADDRESSES: usize = 4;

/// Why there are no new keys.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("not an address that keys are read from")]
    Address,
    #[error("the name does not resolve")]
    Resolve(#[source] std::io::Error),
    #[error("the name resolves to no address that keys are read from")]
    Forbidden,
    #[error("no connection: {0}")]
    Connect(std::io::Error),
    #[error("there are no authorities to believe")]
    Trust,
    #[error("no TLS: {0}")]
    Tls(std::io::Error),
    #[error("no answer: {0}")]
    Http(hyper::Error),
    /// Redirects too: the operator registered one address, and no other.
    #[error("answered with status {0}")]
    Status(StatusCode),
    #[error("the answer is encoded")]
    Encoded,
    #[error("the answer is longer than {MAX_BYTES} bytes, or breaks off")]
    Body,
    #[error("the answer is no JSON")]
    Json,
    #[error(transparent)]
    Keys(#[from] JwkError),
    #[error("no answer within {} seconds", BOUND.as_secs())]
    Late,
}

/// What fetches are made with.
pub(super) struct Fetcher {
    authorities: Vec<CertificateDer<'static>>,
    loopback: bool,
    /// Made when it is needed first: the authorities of the system are many files.
    tls: OnceCell<TlsConnector>,
}

impl Fetcher {
    pub(super) fn new(authorities: &[CertificateDer<'static>], loopback: bool) -> Self {
        Self {
            authorities: authorities.to_vec(),
            loopback,
            tls: OnceCell::new(),
        }
    }

    async fn tls(&self) -> Result<&TlsConnector, FetchError> {
        let make = async || {
            let authorities = self.authorities.clone();
            let made = tokio::task::spawn_blocking(move || client(&authorities)).await;
            made.map_err(|_| FetchError::Trust)?
                .map_err(|_| FetchError::Trust)
        };
        self.tls.get_or_try_init(make).await
    }

    pub(super) async fn fetch(&self, url: &KeysUrl) -> Result<JwkSet, FetchError> {
        tokio::time::timeout(BOUND, self.fetch_unbounded(url))
            .await
            .unwrap_or(Err(FetchError::Late))
    }

    async fn fetch_unbounded(&self, url: &KeysUrl) -> Result<JwkSet, FetchError> {
        let url = Url::parse(url.as_str()).map_err(|_| FetchError::Address)?;
        let secure = match url.scheme() {
            "https" => true,
            // The address that is connected to has to be a loopback one then.
            "http" if self.loopback => false,
            _ => return Err(FetchError::Address),
        };
        let stream = self.connect(&url, secure).await?;
        if !secure {
            return get(stream, &url).await;
        }
        let name = url.host_str().unwrap_or_default();
        let name = name.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(name.to_owned()).map_err(|_| FetchError::Address)?;
        let stream = self.tls().await?.connect(name, stream).await;
        get(stream.map_err(FetchError::Tls)?, &url).await
    }

    /// Connects to an address that was looked at: the name is resolved once.
    async fn connect(&self, url: &Url, secure: bool) -> Result<TcpStream, FetchError> {
        let port = url.port_or_known_default().ok_or(FetchError::Address)?;
        let addresses: Vec<SocketAddr> = match url.host().ok_or(FetchError::Address)? {
            Host::Ipv4(address) => vec![(address, port).into()],
            Host::Ipv6(address) => vec![(address, port).into()],
            Host::Domain(name) => {
                let found = tokio::net::lookup_host((name, port)).await;
                found.map_err(FetchError::Resolve)?.collect()
            }
        };
        let fits = |address: &SocketAddr| {
            let ip = address.ip();
            is_allowed(ip, self.loopback) && (secure || ip.to_canonical().is_loopback())
        };
        let mut last = FetchError::Forbidden;
        for address in addresses.into_iter().filter(fits).take(MAX_ADDRESSES) {
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = FetchError::Connect(error),
            }
        }
        Err(last)
    }
}

async fn get(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    url: &Url,
) -> Result<JwkSet, FetchError> {
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(FetchError::Http)?;
    // Ends with this call, whatever the other end does.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let authority = url.host_str().unwrap_or_default();
    let authority = match url.port() {
        Some(port) => format!("{authority}:{port}"),
        None => authority.to_owned(),
    };
    let target = url.query().map_or_else(
        || url.path().to_owned(),
        |query| format!("{}?{query}", url.path()),
    );
    let request = Request::get(target)
        .header(HOST, authority)
        .header(ACCEPT, "application/jwk-set+json, application/json")
        .header(USER_AGENT, "caracal")
        .body(Body::empty())
        .map_err(|_| FetchError::Address)?;
    let answer = sender.send_request(request).await;
    let (head, body) = answer.map_err(FetchError::Http)?.into_parts();
    if head.status != StatusCode::OK {
        return Err(FetchError::Status(head.status));
    }
    if head.headers.contains_key(CONTENT_ENCODING) {
        return Err(FetchError::Encoded);
    }
    let body = to_bytes(Body::new(body), MAX_BYTES).await;
    let body = body.map_err(|_| FetchError::Body)?;
    let document = serde_json::from_slice(&body).map_err(|_| FetchError::Json)?;
    Ok(JwkSet::usable(document)?)
}

/// Believes what the system believes, and what the operator adds.
fn client(authorities: &[CertificateDer<'static>]) -> Result<TlsConnector, rustls::Error> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    for error in &system.errors {
        tracing::warn!(%error, "an authority of the system cannot be read");
    }
    let (_taken, _ignored) = roots.add_parsable_certificates(system.certs);
    let (_taken, ignored) = roots.add_parsable_certificates(authorities.iter().cloned());
    if ignored > 0 {
        tracing::warn!(
            ignored,
            "authorities of published keys that are no authorities"
        );
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}
