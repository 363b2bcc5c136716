//! One signed request and its bounded answer.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::header::ETAG;
use hyper::http::request::Builder;
use hyper::{Method, Request, StatusCode};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use sha2::{Digest as _, Sha256};
use url::Url;

/// Longest wait for a connection, and for an answer as a whole.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(30);
/// Most bytes of an answer to a write; what is in it matters to no program.
const MAX_REFUSAL_BYTES: usize = 16 * 1024;

/// Connections to S3, kept for the next request. Cheap to clone: one serves the publishers of all
/// zones.
#[derive(Clone)]
pub struct S3Client {
    http: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

/// There is no client.
#[derive(Debug, thiserror::Error)]
#[error("no TLS client could be made")]
pub struct S3ClientError(#[from] rustls::Error);

/// Why there is no answer, or not the one that was hoped for.
#[derive(Debug, thiserror::Error)]
pub(super) enum RequestError {
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
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) etag: Option<String>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// The error that it stands for, with the code that S3 gives.
    pub(super) fn refusal(&self) -> RequestError {
        let text = String::from_utf8_lossy(&self.body);
        let code = text
            .split_once("<Code>")
            .and_then(|(_, rest)| rest.split_once("</Code>"))
            .map(|(code, _)| code)
            .filter(|code| code.len() < 100 && code.bytes().all(|b| b.is_ascii_alphanumeric()));
        RequestError::Refused {
            status: self.status,
            code: code.unwrap_or("without a code").to_owned(),
        }
    }
}

/// What is written, and on which condition.
pub(super) struct Upload {
    body: Vec<u8>,
    headers: [(&'static str, String); 4],
}

impl Upload {
    /// A file that must not be there yet, and never changes.
    pub(super) fn immutable(body: Vec<u8>) -> Self {
        let kind = "application/octet-stream";
        let cached = "max-age=31536000, immutable";
        Self::new(body, kind, cached, ("if-none-match", "*".to_owned()))
    }

    /// The checkpoint, in place of the one with this tag.
    pub(super) fn checkpoint(note: &str, replaces: Option<String>) -> Self {
        let condition = match replaces {
            None => ("if-none-match", "*".to_owned()),
            Some(etag) => ("if-match", etag),
        };
        let kind = "text/plain; charset=utf-8";
        Self::new(note.as_bytes().to_vec(), kind, "no-cache", condition)
    }

    fn new(body: Vec<u8>, kind: &str, cached: &str, condition: (&'static str, String)) -> Self {
        // The signature does not cover the body; the server holds it against this.
        let checksum = STANDARD.encode(Sha256::digest(&body));
        let headers = [
            ("cache-control", cached.to_owned()),
            ("content-type", kind.to_owned()),
            ("x-amz-checksum-sha256", checksum),
            condition,
        ];
        Self { body, headers }
    }

    /// The headers, all of which are signed.
    pub(super) fn headers(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.headers.iter().cloned()
    }
}

impl S3Client {
    /// Believes the authorities of the system, and these. Reads files: not for a task that must not
    /// block.
    pub fn new(authorities: &[CertificateDer<'static>]) -> Result<Self, S3ClientError> {
        let mut roots = RootCertStore::empty();
        let system = rustls_native_certs::load_native_certs();
        for error in &system.errors {
            tracing::warn!(%error, "an authority of the system cannot be read");
        }
        let (_taken, _ignored) = roots.add_parsable_certificates(system.certs);
        let (_taken, ignored) = roots.add_parsable_certificates(authorities.iter().cloned());
        if ignored > 0 {
            tracing::warn!(ignored, "authorities of the bucket that are no authorities");
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
        let http = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { http })
    }

    /// Reads. An answer that is far longer than `most` is an error.
    pub(super) async fn get(&self, url: Url, most: usize) -> Result<Answer, RequestError> {
        let request = Request::builder().method(Method::GET).uri(url.as_str());
        self.send(request, Vec::new(), most.max(MAX_REFUSAL_BYTES))
            .await
    }

    /// Writes.
    pub(super) async fn put(&self, url: Url, upload: Upload) -> Result<Answer, RequestError> {
        let mut request = Request::builder().method(Method::PUT).uri(url.as_str());
        for (header, value) in upload.headers {
            request = request.header(header, value);
        }
        self.send(request, upload.body, MAX_REFUSAL_BYTES).await
    }

    async fn send(
        &self,
        request: Builder,
        body: Vec<u8>,
        most: usize,
    ) -> Result<Answer, RequestError> {
        let request = request.body(Full::new(Bytes::from(body)));
        let request = request.map_err(RequestError::Request)?;
        let exchange = async {
            let answer = self.http.request(request).await;
            let (head, body) = answer.map_err(RequestError::Send)?.into_parts();
            let body = Limited::new(body, most).collect().await;
            let body = body.map_err(RequestError::Body)?.to_bytes();
            let etag = head.headers.get(ETAG).and_then(|etag| etag.to_str().ok());
            Ok(Answer {
                status: head.status,
                etag: etag.map(str::to_owned),
                body: body.to_vec(),
            })
        };
        let answered = tokio::time::timeout(PATIENCE, exchange).await;
        answered.unwrap_or(Err(RequestError::Late))
    }
}
