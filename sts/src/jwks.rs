//! Keys that others publish: of trusted issuers, and of applications that sign assertions.
//!
//! ```text
//! a kid that is known, in keys that are fresh    -> answered at once
//! keys that are not fresh, or an unknown kid     -> one fetch for all who ask, at most one for each
//!                                                   pause, and a bounded wait for it
//! no fetch succeeds                              -> the last good keys, until they are too old;
//!                                                   then nobody can say, which is a no
//! ```
//!
//! So a flood of tokens with invented kids costs one fetch for each pause, and an issuer that hangs
//! costs nobody more than [`JwksConfig::patience`], and those with a known kid nothing while the keys
//! are fresh. The bound of what a withdrawn key is still good for is [`JwksConfig::fresh`] while the
//! issuer answers, [`JwksConfig::keep`] while it does not.

mod address;
mod entry;
mod fetch;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use caracal_store::model::{JwkSet, KeysUrl, TrustedIssuer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::clock::Clock;
use crate::service::Service;
use entry::{Entry, Look};
use fetch::Fetcher;

/// How keys of others are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwksConfig {
    /// Authorities that are believed beside those of the system.
    pub authorities: Vec<CertificateDer<'static>>,
    /// Whether keys may be read from this machine itself, without TLS too. For development.
    pub loopback: bool,
    /// How long keys are taken without asking again.
    pub fresh: Duration,
    /// How long the last good keys are taken when asking again fails.
    pub keep: Duration,
    /// Pause between two fetches of one address, whatever is asked and whatever came of the first.
    pub pause: Duration,
    /// Longest time that a request waits for a fetch.
    pub patience: Duration,
}

impl Default for JwksConfig {
    fn default() -> Self {
        Self {
            authorities: Vec::new(),
            loopback: false,
            fresh: Duration::from_mins(5),
            keep: Duration::from_hours(1),
            pause: Duration::from_secs(10),
            patience: Duration::from_secs(2),
        }
    }
}

/// A file of authorities in which there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no PEM of certificates")]
pub struct NoAuthority;

impl JwksConfig {
    /// Believes the authorities of a PEM file too.
    pub fn believe(&mut self, pem: &[u8]) -> Result<(), NoAuthority> {
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let read = read.map_err(|_| NoAuthority)?;
        if read.is_empty() {
            return Err(NoAuthority);
        }
        self.authorities.extend(read);
        Ok(())
    }
}

/// Why there are no keys to verify with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the keys that are published there cannot be had")]
pub(crate) struct NoKeys;

/// Keys as they were published at an address. The address says whose they are.
#[derive(Debug, Clone)]
pub(crate) struct Published {
    url: KeysUrl,
    keys: Arc<JwkSet>,
}

impl Published {
    /// The keys, if they are those of this address.
    pub(crate) fn of(&self, url: &KeysUrl) -> Option<&JwkSet> {
        (self.url == *url).then_some(&self.keys)
    }
}

/// What is known of every address that was asked.
pub(crate) struct Jwks {
    config: JwksConfig,
    fetcher: Arc<Fetcher>,
    clock: Arc<dyn Clock>,
    entries: Mutex<HashMap<KeysUrl, Arc<Entry>>>,
}

impl Jwks {
    pub(crate) fn new(config: &JwksConfig, clock: Arc<dyn Clock>) -> Self {
        Self {
            fetcher: Arc::new(Fetcher::new(&config.authorities, config.loopback)),
            config: config.clone(),
            clock,
            entries: Mutex::default(),
        }
    }

    /// The keys at an address, with the named one if it is published there. The caller has looked up
    /// the address: only what an operator registered is ever asked.
    pub(crate) async fn find(&self, url: &KeysUrl, kid: Option<&str>) -> Result<Published, NoKeys> {
        let entry = self.entry(url);
        // Before looking, so that no end of a fetch is missed.
        let mut ended = entry.ends();
        match entry.look(self.clock.monotonic_ms(), kid, &self.config) {
            Look::Good(keys) => return Ok(published(url, keys)),
            Look::Fetch(flight) => {
                let source = Arc::clone(&self.fetcher);
                let (clock, url) = (Arc::clone(&self.clock), url.clone());
                // On its own, so that a client that goes away does not take the fetch with it.
                tokio::spawn(async move {
                    let fetched = source.fetch(&url).await;
                    flight.land(fetched, clock.monotonic_ms(), &url);
                });
                let _late = tokio::time::timeout(self.config.patience, ended.changed()).await;
            }
            Look::Wait => {
                let _late = tokio::time::timeout(self.config.patience, ended.changed()).await;
            }
            Look::Stay => {}
        }
        let kept = entry.kept(self.clock.monotonic_ms(), &self.config);
        kept.map(|keys| published(url, keys)).ok_or(NoKeys)
    }

    fn entry(&self, url: &KeysUrl) -> Arc<Entry> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.get(url) {
            return Arc::clone(entry);
        }
        // What nobody asked for lately belongs to issuers that are gone.
        let (now_ms, config) = (self.clock.monotonic_ms(), &self.config);
        entries.retain(|_, entry| entry.is_in_use(now_ms, config));
        let entry = Arc::new(Entry::new());
        entries.insert(url.clone(), Arc::clone(&entry));
        entry
    }
}

impl Service {
    /// The keys that an issuer publishes, if it does and none are registered.
    pub(crate) async fn published(
        &self,
        issuer: &TrustedIssuer,
        kid: Option<&str>,
    ) -> Result<Option<Published>, NoKeys> {
        match (&issuer.jwks, &issuer.jwks_uri) {
            (None, Some(url)) => self.jwks.find(url, kid).await.map(Some),
            (Some(_), _) | (None, None) => Ok(None),
        }
    }
}

/// The keys of an issuer: those that are registered, else those that it publishes.
pub(crate) fn keys_of<'a>(
    issuer: &'a TrustedIssuer,
    published: Option<&'a Published>,
) -> Option<&'a JwkSet> {
    let at = || published?.of(issuer.jwks_uri.as_ref()?);
    issuer.jwks.as_ref().or_else(at)
}

fn published(url: &KeysUrl, keys: Arc<JwkSet>) -> Published {
    Published {
        url: url.clone(),
        keys,
    }
}
