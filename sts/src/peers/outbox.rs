//! Tells the other replicas that the log has grown.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use caracal_store::Store;
use tokio::sync::watch;

use super::key::PeerKey;
use super::link::Link;
use super::message::{Sender, WakeUp};
use super::stats::Counters;
use super::stream::Names;
use crate::authority::Authority;
use crate::clock::{Clock, Random};

/// The sender.
pub(super) struct Outbox {
    pub(super) me: Sender,
    pub(super) link: Link,
    pub(super) names: Names,
    pub(super) key: PeerKey,
    pub(super) store: Store,
    pub(super) authority: Arc<Authority>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
    pub(super) counters: Arc<Counters>,
    /// The highest position that another replica has told of.
    pub(super) heard: Arc<AtomicU64>,
}

impl Outbox {
    /// Sends until `stop` changes. A commit of this process is told at once. One of a process that
    /// tells nobody is told by whoever polled it first; whoever was told does not tell it again.
    pub(super) async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut commits = self.store.commits();
        let mut applied = self.authority.changes();
        let mut lines = self.link.changes();
        let mut told = position(&mut commits, &mut applied);
        loop {
            tokio::select! {
                _ = stop.changed() => return,
                Ok(()) = commits.changed() => {}
                Ok(()) = applied.changed() => {}
                // What could not be told is told now.
                Ok(()) = lines.changed() => {}
                else => return,
            }
            let seq = position(&mut commits, &mut applied);
            if seq <= told.max(self.heard.load(Ordering::Relaxed)) {
                continue;
            }
            let count = if self.tell(seq).await {
                told = seq;
                &self.counters.sent
            } else {
                &self.counters.unsent
            };
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn tell(&self, seq: u64) -> bool {
        let Some(mut line) = self.link.line() else {
            return false;
        };
        let mut nonce = [0; 16];
        if self.random.fill(&mut nonce).is_err() {
            return false;
        }
        let message = WakeUp {
            sender: self.me,
            term: self.store.term(),
            seq,
            sent_ms: self.clock.unix_ms(),
            nonce,
        };
        let bytes = message.to_bytes();
        let signature = self.key.sign(&bytes);
        let command = self.names.publish(&bytes, signature.as_ref());
        let answer = command.exec_async(&mut line.connection).await;
        self.link.answer(&line, answer).is_ok()
    }
}

/// The highest position that this process knows of.
fn position(commits: &mut watch::Receiver<u64>, applied: &mut watch::Receiver<u64>) -> u64 {
    let committed = *commits.borrow_and_update();
    committed.max(*applied.borrow_and_update())
}
