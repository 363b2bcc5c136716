//! The decisions of one VM, free of any host.
//!
//! The engine does no I/O. It is asked about a request and answers with a [`Verdict`]; when that is
//! a question to the token service, the shell sends it and brings the answer back. All requests
//! that wait are known here, so that none can be forgotten.

mod answer;
mod decide;
mod facts;
mod flights;
mod verdict;

use std::collections::HashMap;

use caracal_mandate::key::SignatureVerifier;
use caracal_mandate::reason::Reason;
use caracal_mandate::verify::VerifiedMandate;

pub use self::answer::Settled;
pub use self::facts::StreamId;
pub use self::verdict::{Forward, Outcome, Question, Refused, Ticket, Verdict};

use self::facts::Facts;
use self::flights::{Alone, Flights};
use crate::backlog::Backlog;
use crate::cache::{GenerationCache, TailHash};
use crate::config::Config;
use crate::decision::Decision;
use crate::feed::{Applied, Feed, FeedError};
use crate::head::MalformedHead;
use crate::time::Moment;

/// Most requests that wait for the token service at once; further ones are refused.
const MAX_WAITING: usize = 4096;

/// Token of a call in the host.
pub type CallToken = u32;

/// A mandate that was obtained for a workload.
#[derive(Debug)]
struct HeldMandate {
    token: Box<str>,
    mandate: VerifiedMandate,
}

impl HeldMandate {
    /// Whether it lasts long enough to be worth attaching: a tenth of its life, at most half a
    /// minute, is left for the way and for clocks that differ.
    const fn is_fresh(&self, now: Moment) -> bool {
        let claims = self.mandate.claims();
        let tenth = claims.exp.saturating_sub(claims.iat) / 10;
        let margin = if tenth < 30 { tenth } else { 30 };
        now.unix_s() < claims.exp.saturating_sub(margin)
    }
}

/// What happened since the last report; the shell adds it to the proxy's own metrics.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Requests let through.
    pub allowed: u64,
    /// Requests refused.
    pub denied: u64,
    /// Mandates found verified.
    pub cache_hits: u64,
    /// Mandates verified.
    pub verifications: u64,
    /// Exchanges asked for.
    pub exchanges: u64,
    /// Requests asked about because authority was not live.
    pub stale_checks: u64,
}

/// The state of one VM.
pub struct Engine {
    config: Config,
    crypto: Box<dyn SignatureVerifier>,
    feed: Feed,
    verified: GenerationCache<VerifiedMandate, TailHash>,
    held: GenerationCache<HeldMandate>,
    flights: Flights,
    alone: HashMap<Ticket, Alone>,
    calls: HashMap<CallToken, Ticket>,
    next_ticket: u64,
    backlog: Backlog,
    counts: Counts,
}

impl Engine {
    /// A VM that trusts nothing yet. `boot` is a random name of its life.
    #[must_use]
    pub fn new(config: Config, boot: &str, crypto: Box<dyn SignatureVerifier>) -> Self {
        let backlog = Backlog::new(config.audit, config.zone.as_str(), &config.instance, boot);
        Self {
            feed: Feed::new(config.lease_ms),
            verified: GenerationCache::new(config.mandate_cache),
            held: GenerationCache::new(config.mandate_cache),
            flights: Flights::default(),
            alone: HashMap::new(),
            calls: HashMap::new(),
            next_ticket: 1,
            backlog,
            counts: Counts::default(),
            crypto,
            config,
        }
    }

    /// The configuration.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// The authority feed.
    pub const fn feed(&mut self) -> &mut Feed {
        &mut self.feed
    }

    /// Decisions on their way to the ledger.
    pub const fn backlog(&mut self) -> &mut Backlog {
        &mut self.backlog
    }

    /// What happened since the last call.
    pub fn take_counts(&mut self) -> Counts {
        std::mem::take(&mut self.counts)
    }

    /// Takes a message of the feed and keeps the caches true to it.
    pub fn feed_message(&mut self, bytes: &[u8]) -> Result<Applied, FeedError> {
        let applied = self.feed.receive(bytes);
        // After an error nothing is known of what changed.
        if applied
            .as_ref()
            .map_or(true, |applied| applied.keys_changed)
        {
            self.verified.clear();
            self.held.clear();
        }
        applied
    }

    /// Refuses a request that cannot be read one way only.
    pub fn refuse_malformed(
        &mut self,
        head: &MalformedHead<'_>,
        peer: Option<&str>,
        now: Moment,
    ) -> Outcome {
        let facts = Facts {
            method: "",
            host: "",
            path: "",
            request_id: head.request_id,
            is_grpc: head.is_grpc,
            peer,
            target: None,
        };
        self.refuse(&facts, None, head.reason, now)
    }

    /// Records an allow and makes the evidence for it. The only way to let a request through.
    fn forward(&mut self, facts: &Facts<'_>, basis: verdict::Basis<'_>, now: Moment) -> Outcome {
        // A yes that cannot be recorded is a no.
        if self.backlog.has_room().is_err() {
            return self.refuse(facts, basis.mandate(), Reason::AuditUnavailable, now);
        }
        self.record(facts, basis.mandate(), None, now);
        self.counts.allowed = self.counts.allowed.saturating_add(1);
        Outcome::Forward(Forward::new(basis))
    }

    fn refuse(
        &mut self,
        facts: &Facts<'_>,
        mandate: Option<&VerifiedMandate>,
        reason: Reason,
        now: Moment,
    ) -> Outcome {
        self.record(facts, mandate, Some(reason), now);
        self.counts.denied = self.counts.denied.saturating_add(1);
        Outcome::Refuse(Refused::new(reason, facts))
    }

    fn record(
        &mut self,
        facts: &Facts<'_>,
        mandate: Option<&VerifiedMandate>,
        reason: Option<Reason>,
        now: Moment,
    ) {
        let claims = mandate.map(VerifiedMandate::claims);
        let epoch = self
            .feed
            .live(now.monotonic_ms)
            .map(|authority| authority.version.epoch);
        self.backlog.push(&Decision {
            time_ms: now.unix_ms,
            epoch,
            reason,
            application: claims.map_or("", |claims| claims.client_id.as_str()),
            grant: claims.map_or("", |claims| &claims.grant),
            holder: facts.peer.unwrap_or_default(),
            host: facts.host,
            mandate: claims.map_or("", |claims| &claims.jti),
            method: facts.method,
            operation: facts
                .target
                .map_or("", |target| target.operation.name.as_str()),
            path: facts.path,
            request_id: facts.request_id,
            resource: facts
                .target
                .map_or("", |target| target.resource.uri.as_str()),
            scopes: facts.target.map(|target| &target.operation.scopes),
            session: claims.map_or("", |claims| &claims.sid),
        });
    }

    fn ticket(&mut self) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket = self.next_ticket.saturating_add(1);
        ticket
    }

    fn deadline(&self, now: Moment) -> u64 {
        // The host enforces the timeout; this one stands in when a queue keeps it from doing so.
        now.monotonic_ms
            .saturating_add(u64::from(self.config.sts.timeout_ms).saturating_mul(2))
    }

    fn waiting(&self) -> usize {
        self.alone.len().saturating_add(self.flights.waiting())
    }
}

#[cfg(test)]
mod tests;
