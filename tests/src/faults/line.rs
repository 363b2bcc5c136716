//! One client's connection to the gateway, in either version of HTTP.

use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, Request as HttpRequest};
use h2::client::SendRequest;
use tokio::net::TcpStream;

use crate::client::{Connection, tls};
use crate::upstream::{BANK, MARK};

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(2);

/// Version of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.1.
    One,
    /// HTTP/2.
    Two,
}

impl Version {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::One => "HTTP/1.1",
            Self::Two => "HTTP/2",
        }
    }
}

/// Where the gateway is, and how to get in.
#[derive(Debug, Clone)]
pub(super) struct Door {
    pub(super) port: u16,
    pub(super) one: tls::Client,
    pub(super) two: tls::Client,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub(super) struct Letter {
    /// Tells requests apart at the service.
    pub(super) mark: u64,
    /// The mandate.
    pub(super) mandate: String,
    /// A payment with content and trailers, and not a look at an account.
    pub(super) content: bool,
    /// Another path.
    pub(super) path: Option<String>,
    /// Where the VM is to trap.
    pub(super) trap: Option<&'static str>,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) reason: Option<String>,
    pub(super) request_id: Option<String>,
}

impl Letter {
    const fn method(&self) -> &'static str {
        if self.content { "POST" } else { "GET" }
    }

    fn path(&self) -> &str {
        match &self.path {
            Some(path) => path,
            None if self.content => "/payments",
            None => "/accounts/42",
        }
    }

    fn fields(&self) -> Vec<(&'static str, String)> {
        let mut fields = vec![
            ("authorization", format!("Bearer {}", self.mandate)),
            (MARK, self.mark.to_string()),
        ];
        fields.extend(self.trap.map(|trap| ("x-trap", trap.to_owned())));
        fields
    }

    fn one(&self) -> Vec<u8> {
        let mut text = format!(
            "{} {} HTTP/1.1\r\nhost: {BANK}\r\n",
            self.method(),
            self.path()
        );
        for (name, value) in self.fields() {
            text.extend([name, ": ", &value, "\r\n"]);
        }
        text.push_str(if self.content {
            "transfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n2\r\n{}\r\n0\r\nx-sum: 2\r\n\r\n"
        } else {
            "\r\n"
        });
        text.into_bytes()
    }

    fn two(&self) -> Result<HttpRequest<()>> {
        let uri = format!("https://{BANK}{}", self.path());
        let mut request = HttpRequest::builder().method(self.method()).uri(uri);
        for (name, value) in self.fields() {
            request = request.header(name, value);
        }
        Ok(request.body(())?)
    }
}

/// A connection.
pub(super) enum Line {
    One(Box<Connection>),
    Two(SendRequest<Bytes>),
}

impl Line {
    /// Connects.
    pub(super) async fn open(door: &Door, version: Version) -> Result<Self> {
        tokio::time::timeout(CONNECT, Self::connect(door, version))
            .await
            .context("no connection")?
    }

    async fn connect(door: &Door, version: Version) -> Result<Self> {
        match version {
            Version::One => {
                let connection = Connection::mutual(door.port, &door.one).await?;
                Ok(Self::One(Box::new(connection)))
            }
            Version::Two => {
                let stream = TcpStream::connect(("127.0.0.1", door.port)).await?;
                stream.set_nodelay(true)?;
                let (send, connection) =
                    h2::client::handshake(door.two.connect(stream).await?).await?;
                tokio::spawn(async move {
                    // It ends with the last request that it carries.
                    let _ = connection.await;
                });
                Ok(Self::Two(send))
            }
        }
    }

    /// Sends and waits for the head of the answer. Dropped before, the request is given up: the
    /// connection is closed, or the stream reset.
    pub(super) async fn ask(&mut self, letter: &Letter) -> Result<Reply> {
        match self {
            Self::One(connection) => {
                let response = connection.exchange(&letter.one()).await?;
                Ok(Reply {
                    status: response.status,
                    reason: response.reason,
                    request_id: response.request_id,
                })
            }
            Self::Two(send) => {
                let mut send = send.clone().ready().await?;
                let (response, mut body) = send.send_request(letter.two()?, !letter.content)?;
                if letter.content {
                    body.send_data(Bytes::from_static(b"{}"), false)?;
                    let mut trailers = HeaderMap::new();
                    trailers.insert("x-sum", HeaderValue::from_static("2"));
                    body.send_trailers(trailers)?;
                }
                let response = response.await?;
                let text = |name: &str| {
                    let value = response.headers().get(name)?;
                    Some(value.to_str().ok()?.to_owned())
                };
                Ok(Reply {
                    status: response.status().as_u16(),
                    reason: text("x-caracal-reason"),
                    request_id: text("x-request-id"),
                })
            }
        }
    }
}
