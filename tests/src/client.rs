//! Requests over HTTP/1.1, plain or with a chosen workload identity.
//!
//! Written by hand, small and lean: attacks need the bytes as they are given, and the load generator
//! must cost less than what it measures.

pub mod tls;
mod wire;

use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::Instant;

pub use wire::Response;

/// Longest wait for one answer.
const ANSWER: Duration = Duration::from_secs(20);

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    method: &'static str,
    host: String,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Option<String>,
}

impl Request {
    /// GET.
    #[must_use]
    pub fn get(host: &str, path: &str) -> Self {
        Self {
            method: "GET",
            host: host.to_owned(),
            path: path.to_owned(),
            headers: Vec::new(),
            body: None,
        }
    }

    /// POST of JSON.
    #[must_use]
    pub fn post(host: &str, path: &str, body: &str) -> Self {
        Self {
            method: "POST",
            body: Some(body.to_owned()),
            ..Self::get(host, path)
        }
    }

    /// With a header more.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// With a mandate.
    #[must_use]
    pub fn mandate(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// The bytes that go over the wire.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let Self {
            method,
            host,
            path,
            headers,
            body,
        } = self;
        let mut text = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\n");
        for (name, value) in headers {
            text.extend([*name, ": ", value, "\r\n"]);
        }
        let body = body.as_deref().unwrap_or_default();
        if !body.is_empty() {
            let length = body.len().to_string();
            text.extend([
                "content-type: application/json\r\ncontent-length: ",
                &length,
                "\r\n",
            ]);
        }
        text.push_str("\r\n");
        text.push_str(body);
        text.into_bytes()
    }
}

/// A stream to a server, plain or TLS.
#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<tokio_rustls::client::TlsStream<TcpStream>>),
}

/// A connection that is kept alive.
#[derive(Debug)]
pub struct Connection {
    stream: Stream,
    buffer: wire::Buffer,
}

impl Connection {
    /// Connects to a port on loopback.
    pub async fn plain(port: u16) -> Result<Self> {
        Ok(Self {
            stream: Stream::Plain(tcp(port).await?),
            buffer: wire::Buffer::default(),
        })
    }

    /// Connects to a port on loopback with a workload's certificate.
    pub async fn mutual(port: u16, tls: &tls::Client) -> Result<Self> {
        let stream = tls.connect(tcp(port).await?).await?;
        Ok(Self {
            stream: Stream::Tls(Box::new(stream)),
            buffer: wire::Buffer::default(),
        })
    }

    /// Sends a request and reads its answer.
    pub async fn send(&mut self, request: &Request) -> Result<Response> {
        let bytes = request.bytes();
        let exchange = self.exchange(&bytes);
        tokio::time::timeout(ANSWER, exchange)
            .await
            .context("no answer")?
    }

    /// Sends bytes and reads one answer, without a deadline of its own.
    pub async fn exchange(&mut self, bytes: &[u8]) -> Result<Response> {
        let start = Instant::now();
        match &mut self.stream {
            Stream::Plain(stream) => {
                stream.write_all(bytes).await?;
                self.buffer.read(stream, start).await
            }
            Stream::Tls(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await?;
                self.buffer.read(stream, start).await
            }
        }
    }
}

async fn tcp(port: u16) -> Result<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
