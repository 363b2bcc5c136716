//! Answers of HTTP/1.1, read from a stream.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::time::Instant;

/// An answer.
#[derive(Debug, Clone)]
pub struct Response {
    /// Status.
    pub status: u16,
    /// `x-caracal-reason`.
    pub reason: Option<String>,
    /// `x-request-id`.
    pub request_id: Option<String>,
    /// `www-authenticate`.
    pub challenge: Option<String>,
    /// Body.
    pub body: Vec<u8>,
    /// From the first byte sent to the last byte read.
    pub took: Duration,
}

impl Response {
    /// Status and reason, for people.
    #[must_use]
    pub fn verdict(&self) -> String {
        self.reason.as_ref().map_or_else(
            || self.status.to_string(),
            |reason| format!("{} {reason}", self.status),
        )
    }
}

/// What was read and not yet used.
#[derive(Debug, Default)]
pub(super) struct Buffer(Vec<u8>);

impl Buffer {
    /// Reads one answer.
    pub(super) async fn read(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
        start: Instant,
    ) -> Result<Response> {
        let end = loop {
            if let Some(at) = self.0.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            self.more(stream).await?;
        };
        let head: Vec<u8> = self.0.drain(..end).collect();
        let head = std::str::from_utf8(&head).context("the head is not text")?;
        let mut lines = head.split("\r\n");
        let status = lines
            .next()
            .and_then(|line| line.get(9..12))
            .context("no status line")?
            .parse()?;
        let mut response = Response {
            status,
            reason: None,
            request_id: None,
            challenge: None,
            body: Vec::new(),
            took: Duration::ZERO,
        };
        let mut length = 0_usize;
        let mut chunked = false;
        for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
            let text = || Some(value.to_owned());
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse()?,
                "transfer-encoding" => chunked = true,
                "x-caracal-reason" => response.reason = text(),
                "x-request-id" => response.request_id = text(),
                "www-authenticate" => response.challenge = text(),
                _ => {}
            }
        }
        response.body = if chunked {
            self.chunks(stream).await?
        } else {
            self.take(stream, length).await?
        };
        response.took = start.elapsed();
        Ok(response)
    }

    async fn chunks(&mut self, stream: &mut (impl AsyncRead + Unpin)) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let at = loop {
                match self.0.windows(2).position(|window| window == b"\r\n") {
                    Some(at) => break at,
                    None => self.more(stream).await?,
                }
            };
            let line = self.take(stream, at + 2).await?;
            let size = usize::from_str_radix(std::str::from_utf8(&line)?.trim(), 16)?;
            let chunk = self.take(stream, size + 2).await?;
            body.extend(chunk.into_iter().take(size));
            if size == 0 {
                return Ok(body);
            }
        }
    }

    async fn take(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
        length: usize,
    ) -> Result<Vec<u8>> {
        while self.0.len() < length {
            self.more(stream).await?;
        }
        Ok(self.0.drain(..length).collect())
    }

    async fn more(&mut self, stream: &mut (impl AsyncRead + Unpin)) -> Result<()> {
        if stream.read_buf(&mut self.0).await? == 0 {
            bail!("the connection was closed");
        }
        Ok(())
    }
}
