//! The decisions of one VM, free of any host.
//!
//! The engine does no I/O. It is asked about a request and answers with a [`Verdict`]; when that is
//! a question to the token service, the shell sends it and brings the answer back. All requests
//! that wait are known here, so that none can be forgotten.

mod answer;
mod calling;
mod decide;
mod edit;
mod entry;
mod facts;
mod flights;
mod note;
mod recording;
mod streams;
mod verdict;

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use caracal_mandate::expiry::ExpiryClock;
use caracal_mandate::key::SignatureVerifier;
use caracal_mandate::lease::Reading;
use caracal_mandate::reason::Reason;
use caracal_mandate::verify::VerifiedMandate;

pub use self::answer::Settled;
pub use self::edit::Authorization;
pub use self::facts::{StreamId, StreamMap};
pub use self::verdict::{Forward, Outcome, Question, Refused, ShadowPass, Ticket, Verdict};

use self::edit::Own;
use self::entry::Entry;
use self::facts::Facts;
use self::flights::{Alone, Flights};
use self::recording::Recordings;
use self::streams::{Open, Streams};
use self::verdict::Basis;
use crate::backlog::Backlog;
use crate::cache::{GenerationCache, TailHash};
use crate::calls::{Calls, OpenCall};
use crate::config::{Config, Mode};
use crate::decision::{Decision, End};
use crate::feed::{Applied, Feed, FeedError};
use crate::head::{MalformedHead, Pairs};
use crate::time::Moment;

/// Most requests that wait for the token service at once; further ones are refused.
const MAX_WAITING: usize = 4096;

/// Token of a call in the host.
pub type CallToken = u32;

/// A mandate that was obtained for a workload.
#[derive(Debug)]
struct HeldMandate {
    token: Box<str>,
    mandate: Rc<VerifiedMandate>,
}

impl HeldMandate {
    /// Whether it lasts long enough to be worth attaching: a tenth of its life, at most half a
    /// minute, is left for the way and for clocks that differ.
    fn is_fresh(&self, now: Moment) -> bool {
        let claims = self.mandate.claims();
        let tenth = claims.exp.saturating_sub(claims.iat) / 10;
        let margin = if tenth < 30 { tenth } else { 30 };
        now.unix_s() < claims.exp.saturating_sub(margin)
    }
}

/// What happened since the last report; the shell adds it to the proxy's own metrics.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Counts {
    /// Requests let through.
    pub allowed: u64,
    /// Requests refused, or that would be refused if this point did not only shadow.
    pub denied: BTreeMap<Reason, u64>,
    /// Requests that found their mandate verified.
    pub cache_hits: u64,
    /// Requests that did not.
    pub cache_misses: u64,
    /// Signatures verified.
    pub verifications: u64,
    /// Exchanges asked for.
    pub exchanges: u64,
    /// Exchanges that brought no mandate.
    pub exchanges_failed: u64,
    /// Requests asked about because authority was not live.
    pub stale_checks: u64,
    /// Calls for which there was no room: nobody acts for their callers.
    pub calls_forgotten: u64,
    /// Requests under way whose mandate ended, or would have been cut if this point did not only
    /// shadow.
    pub streams_cut: u64,
}

/// The state of one VM.
pub struct Engine {
    config: Config,
    crypto: Box<dyn SignatureVerifier>,
    feed: Feed,
    expiry: ExpiryClock,
    verified: GenerationCache<VerifiedMandate, TailHash>,
    held: GenerationCache<HeldMandate>,
    flights: Flights,
    alone: HashMap<Ticket, Alone>,
    calls: HashMap<CallToken, Ticket>,
    next_ticket: u64,
    streams: Streams,
    recordings: Recordings,
    /// Who called the workload.
    callers: Option<Calls>,
    open_calls: StreamMap<OpenCall>,
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
            expiry: ExpiryClock::default(),
            verified: GenerationCache::new(config.mandate_cache),
            held: GenerationCache::new(config.mandate_cache),
            flights: Flights::default(),
            alone: HashMap::new(),
            calls: HashMap::new(),
            next_ticket: 1,
            streams: Streams::default(),
            recordings: Recordings::default(),
            callers: None,
            open_calls: StreamMap::default(),
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
        pairs: &Pairs,
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
            stream: 0,
            peer,
            own: Own::of_pairs(self.config.mode, pairs),
            target: None,
            calling: None,
        };
        self.refuse(&facts, None, head.reason, now)
    }

    /// Records an allow and makes the evidence for it, at once or when the record is durable. The only
    /// way to let a request through that is not shadow's.
    fn forward(&mut self, facts: &Facts<'_>, basis: Basis<'_>, now: Moment) -> Outcome {
        // What could not be cut later is not begun.
        if self.streams.is_full() {
            let reason = Reason::AuthorityUnavailable;
            return self.refuse(facts, basis.mandate(), reason, now);
        }
        // A yes that cannot be recorded is a no.
        if self.backlog.has_room().is_err() {
            return self.refuse(facts, basis.mandate(), Reason::AuditUnavailable, now);
        }
        let basis = match basis {
            Basis::Permit {
                permit,
                rests_on,
                attach,
            } if self.must_be_durable(facts) => {
                return self.record_first(facts, &permit, rests_on, attach, now);
            }
            // The service records what it says yes to before it says so.
            basis => basis,
        };
        let entry = self.enter(facts, basis.mandate(), now);
        self.release(facts, basis, entry, now)
    }

    /// Makes the evidence for a yes that is recorded.
    fn release(
        &mut self,
        facts: &Facts<'_>,
        basis: Basis<'_>,
        entry: Entry,
        now: Moment,
    ) -> Outcome {
        self.counts.allowed = self.counts.allowed.saturating_add(1);
        let note = note::of(self.config.mode, facts, basis.mandate(), None);
        let (mandate, word_until_ms) = basis.rests_on();
        let tracestate = self.put_up(facts, mandate.as_deref(), now);
        let open = Open {
            mandate,
            word_until_ms,
            entry,
            is_cut: false,
        };
        if let Some(before) = self.streams.begin(facts.stream, open) {
            self.close(before, End::default(), now);
        }
        let forward = Forward::new(basis, self.config.role, facts.own, note);
        Outcome::Forward(forward.in_trace(tracestate))
    }

    /// Records a refusal. Only in shadow does its request pass.
    fn refuse(
        &mut self,
        facts: &Facts<'_>,
        mandate: Option<&VerifiedMandate>,
        reason: Reason,
        now: Moment,
    ) -> Outcome {
        self.record(facts, mandate, Some(reason), now);
        let count = self.counts.denied.entry(reason).or_default();
        *count = count.saturating_add(1);
        let note = note::of(self.config.mode, facts, mandate, Some(reason));
        let refused = Refused::new(reason, facts, note);
        match self.config.mode.shadow() {
            None => Outcome::Refuse(refused),
            Some(shadow) => {
                let role = self.config.role;
                Outcome::Pass(ShadowPass::new(shadow, refused, role, facts.own))
            }
        }
    }

    /// Gives the number of the record, unless there was no room for it.
    fn record(
        &mut self,
        facts: &Facts<'_>,
        mandate: Option<&VerifiedMandate>,
        reason: Option<Reason>,
        now: Moment,
    ) -> Option<u64> {
        let decision = self.decision(facts, mandate, reason, now);
        self.backlog.push(&decision, End::default())
    }

    fn decision<'a>(
        &self,
        facts: &Facts<'a>,
        mandate: Option<&'a VerifiedMandate>,
        reason: Option<Reason>,
        now: Moment,
    ) -> Decision<'a> {
        let claims = mandate.map(VerifiedMandate::claims);
        let epoch = self
            .feed
            .live(now.monotonic_ms)
            .map(|authority| authority.version.epoch);
        Decision {
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
            shadow: self.config.mode == Mode::Shadow,
            of: 0,
        }
    }

    /// Forgets revocations that can hit nothing alive any more. By the clocks as they are read: a wall
    /// clock that was set forward must not pass for time that has passed here.
    pub fn expire(&mut self, now: Reading) {
        let second = self.expiry.advance(now.monotonic_ms, now.unix_ms);
        self.feed.expire_revocations(second);
    }

    /// Requests that were let through and may not go on. Each is named once, and is under way until
    /// [`Engine::finished`] says that it is not.
    pub fn take_ended(&mut self, now: Moment) -> Vec<StreamId> {
        let authority = self.feed.live(now.monotonic_ms);
        let ended = self.streams.take_ended(authority, now);
        let count = u64::try_from(ended.len()).unwrap_or(u64::MAX);
        self.counts.streams_cut = self.counts.streams_cut.saturating_add(count);
        ended
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
        self.alone
            .len()
            .saturating_add(self.flights.waiting())
            .saturating_add(self.recordings.len())
    }
}

#[cfg(test)]
mod tests;
