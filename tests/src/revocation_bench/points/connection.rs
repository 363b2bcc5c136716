//! One HTTP/2 connection with some points on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_rustls::client::TlsStream;

use super::frames::{self, Frame, Outbox};
use super::point::{Counts, PING_PAUSE_MS, Point};
use crate::client::tls;

const PATH: &str = "/caracal.enforcement.v1.Enforcement/Watch";

/// What all connections share.
#[derive(Debug, Clone)]
pub(super) struct Common {
    pub(super) port: u16,
    pub(super) zone: String,
    pub(super) start: Instant,
    /// Points that have been live.
    pub(super) live: Arc<AtomicUsize>,
    pub(super) stop: watch::Receiver<bool>,
}

impl Common {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// A connection, and how far what it has read is used.
pub(super) struct Connection {
    common: Common,
    stream: TlsStream<TcpStream>,
    points: Vec<Point>,
    buffer: Vec<u8>,
    out: Outbox,
    window: i64,
    stream_window: i64,
    /// Whose ping is due next: they come in turn.
    next: usize,
    alive: usize,
}

impl Connection {
    pub(super) async fn open(
        common: Common,
        client: &tls::Client,
        points: Vec<Point>,
    ) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", common.port)).await?;
        stream.set_nodelay(true)?;
        let stream = client.connect(stream).await?;
        let mut out = Outbox::default();
        out.greet();
        Ok(Self {
            common,
            stream,
            points,
            buffer: Vec::with_capacity(16 * 1024),
            out,
            window: 65_535,
            stream_window: 65_535,
            next: 0,
            alive: 0,
        })
    }

    /// Runs until it is told to stop; then says what the points came to. Anything else is an error.
    pub(super) async fn run(mut self) -> Result<Counts> {
        // The peer's settings say how much may be sent.
        self.flush().await?;
        while self.stream_window == 65_535 {
            self.read().await?;
            self.flush().await?;
        }
        let now_ms = self.common.now_ms();
        for number in 0..self.points.len() {
            let point = self.points.get_mut(number).context("a point")?;
            point.window += self.stream_window;
            let first = point.open(&self.common.zone, now_ms);
            self.out.open(stream_of(number)?, PATH);
            for message in first {
                self.send(number, &message)?;
            }
        }
        let mut stop = self.common.stop.clone();
        loop {
            self.flush().await?;
            let due_ms = self.points.get(self.next).map_or(u64::MAX, |p| p.due_ms);
            let due = self.common.start + Duration::from_millis(due_ms);
            tokio::select! {
                read = self.read() => read?,
                () = tokio::time::sleep_until(due) => self.ping()?,
                _ = stop.changed() => break,
            }
        }
        let mut all = Counts::default();
        for point in &self.points {
            all += point.counts;
        }
        Ok(all)
    }

    /// The pings that are due.
    fn ping(&mut self) -> Result<()> {
        let now_ms = self.common.now_ms();
        for _ in 0..self.points.len() {
            let number = self.next;
            let point = self.points.get_mut(number).context("a point")?;
            if point.due_ms > now_ms {
                break;
            }
            // A real one has ticks: what was missed is not made up for.
            point.due_ms = (point.due_ms + PING_PAUSE_MS).max(now_ms);
            let ping = point.ping(now_ms);
            self.send(number, &ping)?;
            self.next = (number + 1) % self.points.len();
        }
        Ok(())
    }

    fn send(&mut self, number: usize, message: &[u8]) -> Result<()> {
        let taken = i64::try_from(self.out.message(stream_of(number)?, message))?;
        let point = self.points.get_mut(number).context("a point")?;
        point.window -= taken;
        self.window -= taken;
        // Acknowledgements are small, and the service takes them at once.
        ensure!(
            self.window >= 0 && point.window >= 0,
            "the service takes no more messages"
        );
        Ok(())
    }

    async fn flush(&mut self) -> Result<()> {
        if !self.out.is_empty() {
            self.stream.write_all(self.out.bytes()).await?;
            self.stream.flush().await?;
            self.out.clear();
        }
        Ok(())
    }

    /// Reads what there is, and answers all of it at once.
    async fn read(&mut self) -> Result<()> {
        let read = self.stream.read_buf(&mut self.buffer).await?;
        ensure!(read > 0, "the service closed the connection");
        let mut used = 0;
        let mut acknowledged = Vec::new();
        while let Some(bytes) = self.buffer.get(used..) {
            let Some((frame, length)) = frames::read(bytes, &mut self.out)? else {
                break;
            };
            match frame {
                Frame::Data { stream, payload } => {
                    let number = number_of(stream)?;
                    let payload = bytes.get(payload).context("a payload")?;
                    let point = self.points.get_mut(number).context("no such stream")?;
                    point.receive(payload, |ack| acknowledged.push((number, ack)))?;
                }
                Frame::Window { stream: 0, more } => self.window += more,
                Frame::Window { stream, more } => {
                    let point = self.points.get_mut(number_of(stream)?);
                    point.context("no such stream")?.window += more;
                }
                Frame::Settings { window } => self.stream_window = window.unwrap_or(65_536),
                Frame::Other => {}
            }
            used += length;
        }
        self.buffer.drain(..used);
        for (number, ack) in acknowledged {
            self.send(number, &ack)?;
        }
        self.count_live();
        Ok(())
    }

    /// For the start alone: afterwards a lease that runs out is counted where a ping is due.
    fn count_live(&mut self) {
        if self.alive < self.points.len() {
            let now_ms = self.common.now_ms();
            let alive = self.points.iter().filter(|p| p.is_live(now_ms)).count();
            if alive > self.alive {
                let more = alive - self.alive;
                self.common.live.fetch_add(more, Ordering::Relaxed);
                self.alive = alive;
            }
        }
    }
}

fn stream_of(number: usize) -> Result<u32> {
    Ok(u32::try_from(number)? * 2 + 1)
}

fn number_of(stream: u32) -> Result<usize> {
    let number = stream.checked_sub(1).context("a frame of no stream")? / 2;
    Ok(usize::try_from(number)?)
}
