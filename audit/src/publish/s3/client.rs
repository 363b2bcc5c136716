//! One signed request and its bounded answer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::{Method, Request};
use rustls::pki_types::CertificateDer;
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::http::{Answer, HttpClient, RequestError};

/// Most bytes of an answer to a write; what is in it matters to no program.
const MAX_REFUSAL_BYTES: usize = 16 * 1024;

/// Connections to S3, kept for the next request. Cheap to clone: one serves the publishers of all
/// zones.
#[derive(Clone)]
pub struct S3Client {
    http: HttpClient,
}

/// There is no client.
#[derive(Debug, thiserror::Error)]
#[error("no TLS client could be made")]
pub struct S3ClientError(#[from] rustls::Error);

/// The error that an answer stands for, with the code that S3 gives.
pub(super) fn refusal(answer: &Answer) -> RequestError {
    let text = String::from_utf8_lossy(&answer.body);
    let code = text
        .split_once("<Code>")
        .and_then(|(_, rest)| rest.split_once("</Code>"))
        .map(|(code, _)| code)
        .filter(|code| code.len() < 100 && code.bytes().all(|b| b.is_ascii_alphanumeric()));
    RequestError::Refused {
        status: answer.status,
        code: code.unwrap_or("without a code").to_owned(),
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
        let http = HttpClient::new(authorities)?;
        Ok(Self { http })
    }

    /// Reads. An answer that is far longer than `most` is an error.
    pub(super) async fn get(&self, url: Url, most: usize) -> Result<Answer, RequestError> {
        let request = Request::builder().method(Method::GET).uri(url.as_str());
        let most = most.max(MAX_REFUSAL_BYTES);
        self.http.send(request, Vec::new(), most).await
    }

    /// Writes.
    pub(super) async fn put(&self, url: Url, upload: Upload) -> Result<Answer, RequestError> {
        let mut request = Request::builder().method(Method::PUT).uri(url.as_str());
        for (header, value) in upload.headers {
            request = request.header(header, value);
        }
        self.http
            .send(request, upload.body, MAX_REFUSAL_BYTES)
            .await
    }
}
