//! The other replicas: what is said between them, over Redis.
//!
//! ```text
//! commit ─▶ log ◀─ read ── tailer ◀─ wake ── inbox ◀─┐ group of this replica
//!   └─▶ outbox ──"seq 42 is committed", signed──▶ stream ──▶ groups of the others
//! ```
//!
//! Nothing here is authority. The log is the truth, and every replica reads it at intervals whether or
//! not anybody says anything: a message that is lost, late, forged or repeated costs one read of the
//! head, or the wait until the next. So a replica without Redis is slower to hear, and no less right.
//!
//! A message is acknowledged when the state in memory has its position, which is all that "handled"
//! can mean: the log is what is durable. What cannot be handled goes to the dead letters with the
//! reason.

mod backoff;
mod config;
mod guard;
mod inbox;
mod key;
#[cfg(any(test, fuzzing))]
pub(crate) mod law;
mod link;
mod message;
mod outbox;
mod stats;
mod stream;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use caracal_store::Store;
use tokio::sync::watch;

use crate::authority::Authority;
use crate::clock::{Clock, Random, RandomError};
use backoff::Backoff;
pub use config::{PeerTiming, RedisConfig, RedisUrl, RedisUrlError};
use guard::Guard;
use inbox::Inbox;
pub use key::PeerKey;
pub(crate) use link::{Link, Unavailable};
use message::Sender;
use outbox::Outbox;
use stats::Counters;
pub use stats::{DeadReason, PeerStats};
use stream::Names;

/// Why a replica cannot take part. That Redis does not answer is no reason.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// The address is not usable.
    #[error("the address of Redis is not usable")]
    Url(#[from] redis::RedisError),
    /// No randomness.
    #[error(transparent)]
    Random(#[from] RandomError),
}

/// What is shared with the rest of the service.
pub(crate) struct Surroundings {
    pub(crate) store: Store,
    pub(crate) authority: Arc<Authority>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
}

/// The connection with the others.
pub(crate) struct Peers {
    counters: Arc<Counters>,
    link: Link,
}

impl Peers {
    /// Begins to talk and to listen, until `stop` changes.
    pub(crate) fn start(
        config: &RedisConfig,
        surroundings: Surroundings,
        stop: &watch::Receiver<bool>,
    ) -> Result<Self, PeerError> {
        let Surroundings {
            store,
            authority,
            clock,
            random,
        } = surroundings;
        let RedisConfig {
            url: _,
            authorities: _,
            key,
            replica,
            prefix,
            timing,
        } = config;
        let mut me = [0; 16];
        random.fill(&mut me)?;
        let me = Sender(me);
        let names = Names::new(prefix);
        let counters = Arc::new(Counters::default());
        let heard = Arc::new(AtomicU64::new(0));
        let backoff = || Backoff::new(Arc::clone(&random));
        let link = Link::start(config.client()?, backoff(), stop.clone());
        let window_ms = u64::try_from(timing.freshness.as_millis()).unwrap_or(u64::MAX);
        let inbox = Inbox {
            me,
            client: config.client()?,
            names: names.clone(),
            group: replica.as_str().to_owned(),
            key: key.clone(),
            term: store.term(),
            timing: *timing,
            authority: Arc::clone(&authority),
            clock: Arc::clone(&clock),
            counters: Arc::clone(&counters),
            heard: Arc::clone(&heard),
            guard: Guard::new(window_ms),
            waiting: BTreeMap::new(),
        };
        tokio::spawn(inbox.run(backoff(), stop.clone()));
        let outbox = Outbox {
            me,
            link: link.clone(),
            names,
            key: key.clone(),
            store,
            authority,
            clock,
            random: Arc::clone(&random),
            counters: Arc::clone(&counters),
            heard,
        };
        tokio::spawn(outbox.run(stop.clone()));
        Ok(Self { counters, link })
    }

    /// The connection for short calls of others.
    pub(crate) const fn link(&self) -> &Link {
        &self.link
    }

    /// What happened so far.
    pub(crate) fn stats(&self) -> PeerStats {
        self.counters.read()
    }
}
