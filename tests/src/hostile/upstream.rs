//! The protected service as a wire: it counts every byte that comes and keeps every head as it came.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok";

/// What arrived since it was last taken.
#[derive(Debug, Clone, Default)]
pub struct Arrived {
    /// Bytes, of whatever.
    pub bytes: usize,
    /// Requests: the head without its last empty line, and the content as it came.
    pub requests: Vec<Request>,
}

/// One request.
#[derive(Debug, Clone)]
pub struct Request {
    /// Request line and fields.
    pub head: String,
    /// Content, in its framing.
    pub content: Vec<u8>,
}

impl Request {
    /// The request line.
    #[must_use]
    pub fn line(&self) -> &str {
        self.head.split("\r\n").next().unwrap_or_default()
    }

    /// The values of a field.
    pub fn values<'a>(&'a self, wanted: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields()
            .filter(move |(name, _)| name.eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value)
    }

    /// Names and values.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        let lines = self.head.split("\r\n").skip(1);
        lines.filter_map(|line| line.split_once(": ").or_else(|| line.split_once(':')))
    }
}

/// The listening service.
#[derive(Debug)]
pub struct Upstream {
    /// Its port.
    pub port: u16,
    arrived: Arc<Mutex<Arrived>>,
    server: tokio::task::JoinHandle<()>,
}

impl Upstream {
    /// Starts it on a free port.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let arrived = Arc::<Mutex<Arrived>>::default();
        let shared = Arc::clone(&arrived);
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Ok(Self {
            port,
            arrived,
            server,
        })
    }

    /// What arrived since the last call.
    #[must_use]
    pub fn take(&self) -> Arrived {
        std::mem::take(&mut *lock(&self.arrived))
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Answers every request with 200. A stream that cannot be read as requests is read to its end.
async fn serve(mut stream: TcpStream, arrived: Arc<Mutex<Arrived>>) {
    let mut buffer = Vec::new();
    loop {
        let before = buffer.len();
        if !matches!(stream.read_buf(&mut buffer).await, Ok(1..)) {
            return;
        }
        let more = buffer.len() - before;
        lock(&arrived).bytes += more;
        while let Some(request) = first(&mut buffer) {
            lock(&arrived).requests.push(request);
            if stream.write_all(OK).await.is_err() {
                return;
            }
        }
    }
}

fn lock(arrived: &Mutex<Arrived>) -> MutexGuard<'_, Arrived> {
    arrived.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes one whole request out of the buffer.
fn first(buffer: &mut Vec<u8>) -> Option<Request> {
    let end = find(buffer, b"\r\n\r\n")?;
    let (head, rest) = buffer.split_at_checked(end)?;
    let rest = rest.get(4..)?;
    let request = Request {
        head: String::from_utf8_lossy(head).into_owned(),
        content: Vec::new(),
    };
    let length = if request.values("transfer-encoding").next().is_some() {
        // What comes from Envoy is in its own framing: the last chunk ends it.
        if rest.starts_with(b"0\r\n\r\n") {
            5
        } else {
            find(rest, b"\r\n0\r\n\r\n")? + 7
        }
    } else {
        let length = request.values("content-length").next();
        length.map_or(Some(0), |length| length.parse().ok())?
    };
    let content = rest.get(..length)?.to_vec();
    buffer.drain(..end + 4 + length);
    Some(Request { content, ..request })
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}
