//! The way to witnesses.

mod connection;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_TYPE, HOST, USER_AGENT};
use axum::http::{Request, Response};
use caracal_audit::witness::client::{
    BoxFuture, MAX_REPLY_BYTES, Reply, Transport, TransportError,
};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use rustls::pki_types::CertificateDer;
use tokio_rustls::TlsConnector;
use url::Url;

use connection::{Endpoint, connect, trust};

/// There is nobody to believe over TLS.
#[derive(Debug, thiserror::Error)]
#[error("no TLS client can be made")]
pub struct NoTrust(#[source] rustls::Error);

/// Posts over HTTP/1.1, with TLS where the address says `https`. One connection to each witness is
/// kept for the next request, which the witness protocol asks for.
pub struct HttpTransport {
    tls: TlsConnector,
    idle: Mutex<HashMap<Endpoint, SendRequest<Body>>>,
}

impl HttpTransport {
    /// Believes the authorities of the system, and these. Reads files: not for a task of the runtime.
    pub fn new(authorities: Vec<CertificateDer<'static>>) -> Result<Arc<Self>, NoTrust> {
        Ok(Arc::new(Self {
            tls: trust(authorities).map_err(NoTrust)?,
            idle: Mutex::default(),
        }))
    }

    fn take(&self, endpoint: &Endpoint) -> Option<SendRequest<Body>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.remove(endpoint)
    }

    fn keep(&self, endpoint: Endpoint, sender: SendRequest<Body>) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.insert(endpoint, sender);
    }

    async fn send(&self, url: &str, body: String) -> Result<Reply, TransportError> {
        let url = Url::parse(url).map_err(words)?;
        let endpoint = Endpoint::of(&url)?;
        if let Some(mut sender) = self.take(&endpoint)
            && sender.ready().await.is_ok()
            && let Ok(answer) = sender.send_request(request(&url, body.clone())?).await
        {
            return self.read(endpoint, sender, answer).await;
        }
        // There was none, or the witness had closed it. Asking twice asks for the same.
        let mut sender = connect(&endpoint, &self.tls).await?;
        let answer = sender.send_request(request(&url, body)?).await;
        self.read(endpoint, sender, answer.map_err(words)?).await
    }

    async fn read(
        &self,
        endpoint: Endpoint,
        sender: SendRequest<Body>,
        answer: Response<Incoming>,
    ) -> Result<Reply, TransportError> {
        let (head, body) = answer.into_parts();
        let body = to_bytes(Body::new(body), MAX_REPLY_BYTES).await;
        let body = body.map_err(words)?.to_vec();
        self.keep(endpoint, sender);
        let content_type = head.headers.get(CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        Ok(Reply {
            status: head.status.as_u16(),
            content_type: content_type.map(ToOwned::to_owned),
            body,
        })
    }
}

impl Transport for HttpTransport {
    fn post(&self, url: String, body: String) -> BoxFuture<'_, Result<Reply, TransportError>> {
        Box::pin(async move { self.send(&url, body).await })
    }
}

fn request(url: &Url, body: String) -> Result<Request<Body>, TransportError> {
    let host = url.host_str().unwrap_or_default();
    let authority = match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    Request::post(url.path())
        .header(HOST, authority)
        .header(USER_AGENT, "caracal")
        .header(CONTENT_TYPE, "text/plain; charset=utf-8")
        .body(Body::from(body))
        .map_err(words)
}

fn words(error: impl std::fmt::Display) -> TransportError {
    TransportError(error.to_string())
}
