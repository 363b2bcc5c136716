//! What came back for a case, and how it is read: HTTP/1.1 in `http1`, HTTP/2 in `http2`.

use std::time::Duration;

use anyhow::Result;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::http2;
use crate::client::tls;

/// Longest wait for an answer. Where none comes the case counts as unanswered.
const ANSWER: Duration = Duration::from_secs(4);

/// How long a connection is listened to after an answer, for a second one.
const MORE: Duration = Duration::from_millis(15);

/// One answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// Status; 0 for a stream or connection that was reset.
    pub status: u16,
    /// `x-caracal-reason`, which only our filter writes.
    pub reason: Option<String>,
    /// Names and values of all fields, trailers behind them.
    pub fields: Vec<(String, String)>,
    /// Content, as far as it came.
    pub body: Vec<u8>,
}

impl Answer {
    /// The value of a field.
    #[must_use]
    pub fn field(&self, wanted: &str) -> Option<&str> {
        let mut fields = self.fields.iter();
        let (_, value) = fields.find(|(name, _)| name.eq_ignore_ascii_case(wanted))?;
        Some(value)
    }

    /// Whether all of its content came.
    fn is_whole(&self) -> bool {
        let length = self.field("content-length");
        let length = length.and_then(|length| length.parse().ok());
        self.body.len() >= length.unwrap_or(0)
    }
}

/// How a connection is made.
#[derive(Debug, Clone)]
pub enum Door {
    /// Without TLS: an agent's own sidecar.
    Plain(u16),
    /// As a workload, for HTTP/1.1 and for HTTP/2.
    Mutual(u16, tls::Client, tls::Client),
}

/// A stream of either kind.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

impl Door {
    /// Its port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        let (Self::Plain(port) | Self::Mutual(port, ..)) = self;
        *port
    }

    async fn open(&self, http2: bool) -> Result<Box<dyn Stream>> {
        let stream = TcpStream::connect(("127.0.0.1", self.port())).await?;
        stream.set_nodelay(true)?;
        Ok(match self {
            Self::Plain(_) => Box::new(stream),
            Self::Mutual(_, _, tls) if http2 => Box::new(tls.connect(stream).await?),
            Self::Mutual(_, tls, _) => Box::new(tls.connect(stream).await?),
        })
    }
}

/// Sends bytes as HTTP/1.1 and gives the answer, or every one that comes where bytes may be read as
/// several requests.
pub async fn http1(door: &Door, bytes: &[u8], several: bool) -> Result<Vec<Answer>> {
    let mut stream = door.open(false).await?;
    // It may be closed before all is sent; what came until then counts.
    let _ = stream.write_all(bytes).await;
    let _ = stream.flush().await;
    let mut seen = Vec::new();
    let mut closed = false;
    loop {
        let wait = match (answers(&seen).last().map(Answer::is_whole), several) {
            (None, _) => ANSWER,
            (Some(true), false) => break,
            // An answer to HEAD says a length and has no content.
            (Some(_), _) => MORE,
        };
        match tokio::time::timeout(wait, stream.read_buf(&mut seen)).await {
            Ok(Ok(1..)) => {}
            Ok(_) => {
                closed = true;
                break;
            }
            Err(_) => break,
        }
    }
    let mut answers = answers(&seen);
    if answers.is_empty() && closed {
        answers.push(Answer::default());
    }
    Ok(answers)
}

/// Sends fields as one HTTP/2 stream and gives its answer.
pub async fn http2(door: &Door, request: &http2::Frames) -> Result<Vec<Answer>> {
    let mut stream = door.open(true).await?;
    let mut answer = None;
    let talk = http2::talk(&mut stream, request, &mut answer);
    let talked = tokio::time::timeout(ANSWER, talk).await;
    Ok(match (answer, talked) {
        (Some(answer), _) => vec![answer],
        (None, Ok(_)) => vec![Answer::default()],
        (None, Err(_)) => Vec::new(),
    })
}

/// The heads of the answers in a byte stream. Bodies are ours and hold no status line.
fn answers(seen: &[u8]) -> Vec<Answer> {
    let text = String::from_utf8_lossy(seen);
    text.split("HTTP/1.1 ")
        .skip(1)
        .filter_map(|rest| {
            let (head, body) = rest.split_once("\r\n\r\n")?;
            let status = head.get(..3)?.parse().ok()?;
            let fields = head.split("\r\n").skip(1);
            let fields = fields.filter_map(|line| line.split_once(": "));
            let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
            let answer = Answer {
                status,
                fields: fields.collect(),
                body: body.as_bytes().to_vec(),
                reason: None,
            };
            Some(Answer {
                reason: answer.field("x-caracal-reason").map(str::to_owned),
                ..answer
            })
        })
        // RFC 9110 §15.2: an interim answer is none.
        .filter(|answer: &Answer| answer.status >= 200)
        .collect()
}
