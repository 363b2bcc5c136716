//! Hears from the other replicas that the log has grown, and reads it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redis::{Client, RedisResult};
use tokio::sync::watch;

use super::backoff::Backoff;
use super::config::PeerTiming;
use super::guard::Guard;
use super::key::PeerKey;
use super::message::{Sender, WakeUp};
use super::stats::{Counters, DeadReason};
use super::stream::{Consumer, Entry, Names, connect};
use crate::authority::Authority;
use crate::clock::Clock;

/// Longest wait for a message. What was applied meanwhile is acknowledged after it.
const BLOCK: Duration = Duration::from_secs(1);

/// How often a message is delivered before it is put aside.
const MAX_DELIVERIES: u64 = 5;

/// Most messages whose position is waited for. Others are delivered again.
const MAX_WAITING: usize = 4_096;

/// The receiver.
pub(super) struct Inbox {
    pub(super) me: Sender,
    pub(super) client: Client,
    pub(super) names: Names,
    /// Stays the same over restarts, unlike the consumer in it.
    pub(super) group: String,
    pub(super) key: PeerKey,
    pub(super) term: u64,
    pub(super) timing: PeerTiming,
    pub(super) authority: Arc<Authority>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) counters: Arc<Counters>,
    pub(super) heard: Arc<AtomicU64>,
    pub(super) guard: Guard,
    /// Messages that are acknowledged when their position is applied.
    pub(super) waiting: BTreeMap<String, u64>,
}

impl Inbox {
    /// Listens until `stop` changes.
    pub(super) async fn run(mut self, mut backoff: Backoff, mut stop: watch::Receiver<bool>) {
        loop {
            let ended = tokio::select! {
                _ = stop.changed() => return,
                ended = self.listen(&mut backoff) => ended,
            };
            if self.counters.listening.swap(false, Ordering::Relaxed)
                && let Err(error) = ended
            {
                tracing::warn!(%error, "this replica hears nothing from others; it reads the log at intervals");
            }
            tokio::select! {
                _ = stop.changed() => return,
                () = tokio::time::sleep(backoff.next()) => {}
            }
        }
    }

    /// Listens until something fails.
    async fn listen(&mut self, backoff: &mut Backoff) -> RedisResult<()> {
        let (names, group) = (self.names.clone(), self.group.clone());
        let name = format!("{:032x}", u128::from_be_bytes(self.me.0));
        let mut consumer = Consumer {
            connection: connect(&self.client).await?,
            names: &names,
            group: &group,
            name: &name,
        };
        consumer.subscribe(self.timing.retention).await?;
        // After the subscription, so that what is committed from here on is read or heard.
        self.authority.wake();
        let mut kept_ms = None;
        loop {
            let now_ms = self.clock.monotonic_ms();
            let upkeep_ms = u64::try_from(self.timing.upkeep.as_millis()).unwrap_or(u64::MAX);
            if kept_ms.is_none_or(|kept| now_ms.saturating_sub(kept) >= upkeep_ms) {
                self.keep(&mut consumer).await?;
                kept_ms = Some(now_ms);
            }
            self.counters.listening.store(true, Ordering::Relaxed);
            let entries = consumer.read(BLOCK.min(self.timing.upkeep)).await?;
            backoff.reset();
            for entry in &entries {
                self.counters.received.fetch_add(1, Ordering::Relaxed);
                match self.judge(entry) {
                    Ok(message) => self.take(entry, &message),
                    Err(reason) => self.bury(&mut consumer, entry, reason, 1).await?,
                }
            }
            self.acknowledge(&mut consumer).await?;
        }
    }

    /// A message that is delivered for the first time.
    fn judge(&mut self, entry: &Entry) -> Result<WakeUp, DeadReason> {
        let message = self.open(entry)?;
        self.guard.admit(&message, self.clock.unix_ms())?;
        Ok(message)
    }

    fn open(&self, entry: &Entry) -> Result<WakeUp, DeadReason> {
        let (bytes, signature) = entry.signed().ok_or(DeadReason::Malformed)?;
        let message = WakeUp::open(&self.key, bytes, signature)?;
        // One of the log that is yet to come is found by the next read of the head.
        if message.term == self.term {
            Ok(message)
        } else {
            Err(DeadReason::Term)
        }
    }

    /// Acts on a message: the log is read, and what it says is believed to nobody else.
    fn take(&mut self, entry: &Entry, message: &WakeUp) {
        if message.sender != self.me {
            self.heard.fetch_max(message.seq, Ordering::Relaxed);
            if message.seq > self.applied() {
                self.authority.wake();
                self.counters.woken.fetch_add(1, Ordering::Relaxed);
            }
        }
        if self.waiting.len() < MAX_WAITING {
            self.waiting.insert(entry.id.clone(), message.seq);
        }
    }

    /// Acknowledges what is applied.
    async fn acknowledge(&mut self, consumer: &mut Consumer<'_>) -> RedisResult<()> {
        let applied = self.applied();
        let done = self.waiting.iter().filter(|(_, seq)| **seq <= applied);
        let done: Vec<String> = done.map(|(id, _)| id.clone()).collect();
        if done.is_empty() {
            return Ok(());
        }
        let count = consumer.acknowledge(&done).await?;
        self.counters
            .acknowledged
            .fetch_add(count, Ordering::Relaxed);
        self.waiting.retain(|_, seq| *seq > applied);
        Ok(())
    }

    /// Looks after the group.
    async fn keep(&mut self, consumer: &mut Consumer<'_>) -> RedisResult<()> {
        consumer.show_life(self.timing.retention).await?;
        self.reclaim(consumer).await?;
        consumer.remove_consumers(self.timing.reclaim_after).await?;
        consumer.remove_groups().await
    }

    /// Takes up what an earlier process of this replica left, or what this one could not finish.
    async fn reclaim(&mut self, consumer: &mut Consumer<'_>) -> RedisResult<()> {
        let idle = self.timing.reclaim_after;
        let pending = consumer.pending(idle).await?;
        if pending.is_empty() {
            return Ok(());
        }
        for entry in consumer.claim(idle).await? {
            self.counters.reclaimed.fetch_add(1, Ordering::Relaxed);
            let before = pending.iter().find(|one| one.id == entry.id);
            let deliveries = before.map_or(1, |one| one.deliveries).saturating_add(1);
            // How old it is says nothing now, and it may be one that this process has admitted. What
            // counts is whether its position is applied, and how often that has been waited for.
            match self.open(&entry) {
                Ok(message) if message.seq <= self.applied() || deliveries <= MAX_DELIVERIES => {
                    self.take(&entry, &message);
                }
                Ok(_) => {
                    self.waiting.remove(&entry.id);
                    let reason = DeadReason::Undeliverable;
                    self.bury(consumer, &entry, reason, deliveries).await?;
                }
                Err(reason) => self.bury(consumer, &entry, reason, deliveries).await?,
            }
        }
        self.acknowledge(consumer).await
    }

    async fn bury(
        &self,
        consumer: &mut Consumer<'_>,
        entry: &Entry,
        reason: DeadReason,
        deliveries: u64,
    ) -> RedisResult<()> {
        consumer.bury(entry, reason, deliveries).await?;
        self.counters.died(reason);
        let (reason, id) = (reason.as_str(), &entry.id);
        tracing::warn!(reason, id, "a message between replicas was put aside");
        Ok(())
    }

    fn applied(&self) -> u64 {
        self.authority.read().applied()
    }
}
