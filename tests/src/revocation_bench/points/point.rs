//! One simulated enforcement point: the filter's own feed, without a proxy around it.

use anyhow::{Context as _, Result, ensure};
use caracal_filter::feed::{Feed, acknowledgement, encode};
use caracal_proto::enforcement::{Hello, watch_request};

/// The lease, as the filter's templates have it.
pub(super) const LEASE_MS: u32 = 2000;

/// Between two pings, as `filter/src/shell/root.rs` has it.
pub(super) const PING_PAUSE_MS: u64 = 500;

/// A point and its stream.
#[derive(Debug)]
pub(super) struct Point {
    feed: Feed,
    instance: String,
    role: &'static str,
    /// The beginning of a message whose end has not come.
    partial: Vec<u8>,
    /// When its next ping is due, in milliseconds.
    pub(super) due_ms: u64,
    /// What may still be sent on its stream.
    pub(super) window: i64,
    pub(super) counts: Counts,
    was_live: bool,
}

/// What one point, or all of them, came to.
#[derive(Debug, Clone, Copy, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Counts {
    /// Messages of the feed that were applied.
    pub(crate) messages: u64,
    /// Acknowledgements that were sent.
    pub(crate) acknowledgements: u64,
    /// Pings that were sent.
    pub(crate) pings: u64,
    /// Times that a lease had run out when the next ping was due.
    pub(crate) lapses: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.messages += other.messages;
        self.acknowledgements += other.acknowledgements;
        self.pings += other.pings;
        self.lapses += other.lapses;
    }
}

impl Point {
    pub(super) fn new(number: usize, role: &'static str, due_ms: u64) -> Self {
        Self {
            feed: Feed::new(LEASE_MS),
            instance: format!("simulated-{number}"),
            role,
            partial: Vec::new(),
            due_ms,
            window: 0,
            counts: Counts::default(),
            was_live: false,
        }
    }

    /// The first two messages of its stream.
    pub(super) fn open(&mut self, zone: &str, now_ms: u64) -> [Vec<u8>; 2] {
        self.feed.stream_opened();
        let hello = encode(watch_request::Message::Hello(Hello {
            zone: zone.to_owned(),
            instance: self.instance.clone(),
            boot: self.instance.clone(),
            role: self.role.to_owned(),
            software: env!("CARGO_PKG_VERSION").to_owned(),
            lease_ms: LEASE_MS,
            mode: "enforce".to_owned(),
            last_error: String::new(),
            streams: 1,
        }));
        [hello, self.ping(now_ms)]
    }

    /// A ping that is due.
    pub(super) fn ping(&mut self, now_ms: u64) -> Vec<u8> {
        let live = self.is_live(now_ms);
        self.counts.lapses += u64::from(self.was_live && !live);
        self.was_live = live;
        self.counts.pings += 1;
        self.feed.ping(now_ms)
    }

    /// Whether it may decide alone.
    pub(super) fn is_live(&self, now_ms: u64) -> bool {
        self.feed.live(now_ms).is_some()
    }

    /// Takes bytes of its stream; `answer` is called with each acknowledgement.
    pub(super) fn receive(&mut self, bytes: &[u8], mut answer: impl FnMut(Vec<u8>)) -> Result<()> {
        if self.partial.is_empty() {
            let rest = self.take(bytes, &mut answer)?;
            self.partial.extend(rest);
        } else {
            self.partial.extend(bytes);
            let whole = std::mem::take(&mut self.partial);
            let rest = self.take(&whole, &mut answer)?;
            self.partial.extend(rest);
        }
        Ok(())
    }

    /// Takes the messages that are all there and gives what is left.
    fn take<'a>(
        &mut self,
        mut bytes: &'a [u8],
        answer: &mut impl FnMut(Vec<u8>),
    ) -> Result<&'a [u8]> {
        while let Some(([flag, length @ ..], rest)) = bytes.split_first_chunk::<5>() {
            ensure!(*flag == 0, "a compressed message");
            let length = usize::try_from(u32::from_be_bytes(*length))?;
            let Some((message, rest)) = rest.split_at_checked(length) else {
                break;
            };
            let applied = self.feed.receive(message).context("the feed")?;
            self.counts.messages += 1;
            if let Some(version) = applied.acknowledge {
                self.counts.acknowledgements += 1;
                answer(acknowledgement(version));
            }
            bytes = rest;
        }
        Ok(bytes)
    }
}
