//! What is known of one address: the last good keys, when it was asked last, whether it is being asked.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use caracal_store::model::{JwkSet, KeysUrl};
use tokio::sync::watch;

use super::JwksConfig;
use super::fetch::FetchError;

/// One address.
#[derive(Debug)]
pub(super) struct Entry {
    known: Mutex<Known>,
    /// Changes when a fetch has ended.
    ended: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Known {
    good: Option<Good>,
    /// When the last fetch began.
    asked_ms: Option<u64>,
    in_flight: bool,
}

#[derive(Debug)]
struct Good {
    keys: Arc<JwkSet>,
    /// When the fetch began that brought them: they are no newer than that.
    as_of_ms: u64,
}

/// What to do about a question.
pub(super) enum Look {
    /// Answer it.
    Good(Arc<JwkSet>),
    /// Ask, and wait for the answer.
    Fetch(Flight),
    /// Wait for the answer to somebody else's question.
    Wait,
    /// It was asked a moment ago; there is nothing newer to be had.
    Stay,
}

/// A fetch that is under way. When it is dropped, it has ended, whatever became of it.
pub(super) struct Flight {
    entry: Arc<Entry>,
    began_ms: u64,
}

impl Entry {
    pub(super) fn new() -> Self {
        Self {
            known: Mutex::default(),
            ended: watch::Sender::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn ends(&self) -> watch::Receiver<u64> {
        self.ended.subscribe()
    }

    pub(super) fn look(
        self: &Arc<Self>,
        now_ms: u64,
        kid: Option<&str>,
        config: &JwksConfig,
    ) -> Look {
        let mut known = self.lock();
        let fresh = known.good.as_ref().filter(|good| {
            is_within(good.as_of_ms, now_ms, config.fresh)
                && kid.is_none_or(|kid| good.keys.get(kid).is_some())
        });
        if let Some(good) = fresh {
            return Look::Good(Arc::clone(&good.keys));
        }
        if known.in_flight {
            return Look::Wait;
        }
        let lately = |asked_ms| is_within(asked_ms, now_ms, config.pause);
        if known.asked_ms.is_some_and(lately) {
            return Look::Stay;
        }
        known.asked_ms = Some(now_ms);
        known.in_flight = true;
        Look::Fetch(Flight {
            entry: Arc::clone(self),
            began_ms: now_ms,
        })
    }

    /// The last good keys, while they may still be taken.
    pub(super) fn kept(&self, now_ms: u64, config: &JwksConfig) -> Option<Arc<JwkSet>> {
        let known = self.lock();
        let good = known.good.as_ref()?;
        is_within(good.as_of_ms, now_ms, config.keep).then(|| Arc::clone(&good.keys))
    }

    pub(super) fn is_in_use(&self, now_ms: u64, config: &JwksConfig) -> bool {
        let known = self.lock();
        let span = config.keep.max(config.pause);
        // One that was never asked is about to be.
        let lately = |asked_ms| is_within(asked_ms, now_ms, span);
        known.in_flight || known.asked_ms.is_none_or(lately)
    }
}

impl Flight {
    /// Takes what was fetched.
    pub(super) fn land(self, fetched: Result<JwkSet, FetchError>, now_ms: u64, url: &KeysUrl) {
        let place = without_query(url);
        match fetched {
            Ok(keys) => {
                let took_ms = now_ms.saturating_sub(self.began_ms);
                tracing::debug!(place, took_ms, keys = keys.iter().count(), "keys were read");
                self.entry.lock().good = Some(Good {
                    keys: Arc::new(keys),
                    as_of_ms: self.began_ms,
                });
            }
            Err(error) => tracing::warn!(place, %error, "keys could not be read"),
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.entry.lock().in_flight = false;
        self.entry
            .ended
            .send_modify(|count| *count = count.wrapping_add(1));
    }
}

fn is_within(since_ms: u64, now_ms: u64, span: Duration) -> bool {
    u128::from(now_ms.saturating_sub(since_ms)) < span.as_millis()
}

/// A query may be a secret; logs have none.
fn without_query(url: &KeysUrl) -> &str {
    let text = url.as_str();
    text.split_once('?').map_or(text, |(place, _query)| place)
}
