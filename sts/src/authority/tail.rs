//! The one writer: follows the log.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use caracal_mandate::expiry::ExpiryClock;
use caracal_mandate::lease::{HeadRead, Reading, Standing};
use caracal_store::model::{Change, LogEntry, Policy};
use caracal_store::{ReadError, Store};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use super::{Authority, ZonePolicy};
use crate::clock::Clock;
use crate::policy::{PolicyDigest, PolicyRunner};

/// Entries of one read.
const BATCH: u32 = 1000;

/// Why the state could not be brought up to the log's head.
#[derive(Debug, thiserror::Error)]
pub enum TailError {
    /// The database did not answer.
    #[error("the authority log cannot be read")]
    Read(#[from] ReadError),
    /// The log is shorter than what was applied: a database that was put back.
    #[error("the authority log ends at {head}, before the applied position {applied}")]
    Shortened {
        /// Where it ends.
        head: u64,
        /// What was applied.
        applied: u64,
    },
    /// An entry is missing.
    #[error("the authority log has no entry {0}")]
    Gap(u64),
}

/// Follows the log and applies it.
pub(crate) struct Tailer {
    pub(crate) store: Store,
    pub(crate) authority: Arc<Authority>,
    pub(crate) policies: Arc<PolicyRunner>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Longest pause between two reads of the head. A read is confirmed at this age at most, so it is
    /// also how much shorter than the full length leases are.
    pub(crate) pause: Duration,
}

impl Tailer {
    /// Applies everything up to the head as it stands now, then confirms the read.
    pub(crate) async fn catch_up(&self) -> Result<(), TailError> {
        loop {
            // Taken before the read: what was committed until now cannot be missed by it.
            let started = self.clock.reading();
            let read = HeadRead::new(started.monotonic_ms, self.store.head().await?);
            let applied = self.authority.read().applied();
            let standing = match read.against(applied) {
                Standing::Behind => {
                    let entries = self.store.entries_after(applied, BATCH).await?;
                    check_gapless(applied, &entries)?;
                    self.authority.apply(self.prepare(entries).await);
                    read.at_least(self.authority.read().applied())
                }
                standing => standing,
            };
            match standing {
                Standing::Shortened => {
                    let head = read.head();
                    return Err(TailError::Shortened { head, applied });
                }
                Standing::Confirmed { at_ms } => {
                    self.authority.confirm(Reading {
                        monotonic_ms: at_ms,
                        ..started
                    });
                    return Ok(());
                }
                Standing::Behind => {}
            }
        }
    }

    /// Compiles the policies that stay active at the end of the batch, before the lock is taken.
    async fn prepare(&self, entries: Vec<LogEntry>) -> Vec<(LogEntry, Option<ZonePolicy>)> {
        let mut superseded = HashSet::new();
        let mut prepared = Vec::with_capacity(entries.len());
        for entry in entries.into_iter().rev() {
            let policy = match &entry.change {
                Change::PolicyActivated(policy) if superseded.insert(entry.zone.clone()) => {
                    Some(self.compile(policy, &entry).await)
                }
                _ => None,
            };
            prepared.push((entry, policy));
        }
        prepared.reverse();
        prepared
    }

    async fn compile(&self, policy: &Policy, entry: &LogEntry) -> ZonePolicy {
        if PolicyDigest::of(&policy.source).as_str() != policy.digest {
            tracing::error!(zone = %entry.zone, seq = entry.seq, "the policy is not the one of its digest");
            return ZonePolicy::Broken;
        }
        match self.policies.compile(policy.source.as_str().into()).await {
            Ok(compiled) => ZonePolicy::Ready(Arc::new(compiled)),
            Err(error) => {
                tracing::error!(zone = %entry.zone, seq = entry.seq, %error, "the active policy does not compile");
                ZonePolicy::Broken
            }
        }
    }

    /// Runs until `stop` changes. Failed reads are tried again; meanwhile the age of the last
    /// confirmed read grows, and leases with it come to their end.
    pub(crate) async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut commits = self.store.commits();
        let mut pause = tokio::time::interval(self.pause);
        pause.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut expiry = ExpiryClock::default();
        let mut expired_s = 0;
        loop {
            tokio::select! {
                _ = stop.changed() => return,
                Ok(()) = commits.changed() => {}
                // Another replica said that there is more.
                () = self.authority.wake.notified() => {}
                _ = pause.tick() => {}
            }
            if let Err(error) = self.catch_up().await {
                tracing::error!(%error, "the authority state is not confirmed");
            }
            let second = expiry.advance(self.clock.monotonic_ms(), self.clock.unix_ms());
            if second != expired_s {
                self.authority.expire(second);
                expired_s = second;
            }
        }
    }
}

fn check_gapless(applied: u64, entries: &[LogEntry]) -> Result<(), TailError> {
    let mut expected = applied;
    for entry in entries {
        expected = expected.saturating_add(1);
        if entry.seq != expected {
            return Err(TailError::Gap(expected));
        }
    }
    // The head said that there is more.
    if entries.is_empty() {
        Err(TailError::Gap(applied.saturating_add(1)))
    } else {
        Ok(())
    }
}
