//! The decision order, for a request whose head is readable.
//!
//! Question 1 (is the request unambiguous) was answered by whoever made the [`Head`]: it never
//! depends on authority, so it comes before question 0 here and saves the service a call.

use std::rc::Rc;
use std::sync::Arc;

use caracal_mandate::catalog::CatalogEntry;
use caracal_mandate::reason::Reason;
use caracal_mandate::verify::{Permit, Presentation, Presenter, Trust, VerifiedMandate, verify};

use super::edit::Own;
use super::facts::{Facts, StreamId, Target, Waiter};
use super::flights::{Alone, ExchangeKey, For, exchange_key};
use super::verdict::{Basis, Question, Verdict};
use super::{Engine, HeldMandate, MAX_WAITING};
use crate::calls::{Caller, unmarked};
use crate::check::{Intent, With, question};
use crate::config::Role;
use crate::head::{Head, is_one_token};
use crate::time::Moment;

/// Why a mandate does not let a request through here and now.
pub(super) enum NotNow {
    /// It is no good for this request.
    Refused(Reason),
    /// It was issued on a state that this point has not seen yet.
    Ahead,
}

/// One request at the moment of its decision.
#[derive(Clone, Copy)]
struct Asked<'a> {
    head: &'a Head<'a>,
    now: Moment,
}

impl Engine {
    /// Decides on a request. `peer` is the SPIFFE ID of the downstream peer's verified certificate.
    pub fn decide(
        &mut self,
        stream: StreamId,
        head: &Head<'_>,
        peer: Option<&str>,
        now: Moment,
    ) -> Verdict {
        let peer = peer.filter(|_| self.config.role != Role::Agent);
        let facts = Facts::new(
            stream,
            head,
            peer,
            Own::of(self.config.mode, head.authorization),
        );
        let asked = Asked { head, now };
        // 0: is authority live?
        let Some(authority) = self.feed.live(now.monotonic_ms) else {
            return self.ask_alone(asked, &facts, None);
        };
        // 2: which resource, which operation?
        let Some(entry) = authority.catalog.by_host(facts.host).map(Arc::clone) else {
            return self
                .refuse(&facts, None, Reason::ResourceUnregistered, now)
                .into();
        };
        let Some(operation) = entry.operation(facts.method, &head.path) else {
            return self
                .refuse(&facts, None, Reason::OperationUnregistered, now)
                .into();
        };
        let target = Target {
            resource: &entry.resource,
            operation,
        };
        let facts = facts.with_target(target);
        match self.config.role {
            Role::Resource => self.enforce(asked, &facts, target),
            Role::Agent | Role::Gateway => self.obtain(asked, &facts, target, &entry),
        }
    }

    /// Questions 3 to 8 for a mandate that the peer presents.
    fn enforce(&mut self, asked: Asked<'_>, facts: &Facts<'_>, target: Target<'_>) -> Verdict {
        let now = asked.now;
        let mandate = match asked
            .head
            .bearer()
            .and_then(|token| self.verified(token, now))
        {
            Ok(mandate) => mandate,
            Err(reason) => return self.refuse(facts, None, reason, now).into(),
        };
        let tracestate = match self.callers {
            Some(_) => unmarked(&asked.head.tracestates),
            None => String::new(),
        };
        let calling = self.calling(asked.head, &mandate, &tracestate);
        let facts = &facts.with_calling(calling);
        match self.present(&mandate, facts, target, now) {
            Ok(permit) => self
                .forward(
                    facts,
                    Basis::Permit {
                        permit,
                        rests_on: Rc::clone(&mandate),
                        attach: None,
                    },
                    now,
                )
                .into(),
            Err(NotNow::Ahead) => self.ask_alone(asked, facts, Some(Rc::clone(&mandate))),
            Err(NotNow::Refused(reason)) => self.refuse(facts, Some(&mandate), reason, now).into(),
        }
    }

    /// The same for a mandate that this point obtains.
    fn obtain(
        &mut self,
        asked: Asked<'_>,
        facts: &Facts<'_>,
        target: Target<'_>,
        entry: &Arc<CatalogEntry>,
    ) -> Verdict {
        let now = asked.now;
        if self.config.role == Role::Gateway && facts.peer.is_none() {
            return self.refuse(facts, None, Reason::HolderUnknown, now).into();
        }
        let caller = match self.caller(asked.head, now) {
            Ok(caller) => caller,
            Err(reason) => return self.refuse(facts, None, reason, now).into(),
        };
        let scopes = target.operation.scopes.to_string();
        let whom = For {
            peer: facts.peer,
            caller: caller.as_ref().map(|caller| caller.mark),
        };
        let key = exchange_key(whom, target.resource.name.as_str(), &scopes);
        if let Some(held) = self.held.get(&key) {
            if let (true, Ok(permit)) = (
                held.is_fresh(now),
                self.present(&held.mandate, facts, target, now),
            ) {
                self.counts.cache_hits = self.counts.cache_hits.saturating_add(1);
                let basis = Basis::Permit {
                    permit,
                    rests_on: Rc::clone(&held.mandate),
                    attach: self.attach(&held),
                };
                return self.forward(facts, basis, now).into();
            }
            // Expiring, revoked, or no longer enough: whether there is a new one is the service's
            // to say.
            self.held.remove(&key);
        }
        self.counts.cache_misses = self.counts.cache_misses.saturating_add(1);
        let known = Some((Arc::clone(entry), target.operation.clone()));
        let waiter = Waiter::new(facts, known);
        self.join_or_begin(key, waiter, asked, facts, caller.as_ref())
    }

    /// An agent's sidecar attaches; everything that enforces strips.
    pub(super) fn attach(&self, held: &Rc<HeldMandate>) -> Option<Rc<HeldMandate>> {
        (self.config.role == Role::Agent).then(|| Rc::clone(held))
    }

    fn join_or_begin(
        &mut self,
        key: ExchangeKey,
        waiter: Waiter,
        asked: Asked<'_>,
        facts: &Facts<'_>,
        caller: Option<&Caller>,
    ) -> Verdict {
        if self.waiting() >= MAX_WAITING {
            return self
                .refuse(facts, None, Reason::AuthorityUnavailable, asked.now)
                .into();
        }
        if let Some(flight) = self.flights.under_way(&key) {
            flight.waiters.push(waiter);
            return Verdict::Hold;
        }
        let ticket = self.ticket();
        let with = With {
            peer: facts.peer,
            caller: caller.map(|caller| &*caller.token),
        };
        let message = question(Intent::Exchange, self.config.mode, asked.head, with);
        let times = (asked.now.monotonic_ms, self.deadline(asked.now));
        self.flights
            .begin(ticket, key, waiter, message.clone(), times);
        self.counts.exchanges = self.counts.exchanges.saturating_add(1);
        Verdict::Ask(Question { ticket, message })
    }

    /// Asks about this one request; the answer is good for nothing else. `mandate` is the one that it
    /// carries, where that is verified.
    fn ask_alone(
        &mut self,
        asked: Asked<'_>,
        facts: &Facts<'_>,
        mandate: Option<Rc<VerifiedMandate>>,
    ) -> Verdict {
        if self.waiting() >= MAX_WAITING {
            return self
                .refuse(facts, None, Reason::AuthorityUnavailable, asked.now)
                .into();
        }
        let caller = match self.caller(asked.head, asked.now) {
            Ok(caller) => caller,
            Err(reason) => return self.refuse(facts, None, reason, asked.now).into(),
        };
        let with = With {
            peer: facts.peer,
            caller: caller.as_ref().map(|caller| &*caller.token),
        };
        let intent = match self.config.role {
            Role::Resource => Intent::Authorize,
            Role::Agent | Role::Gateway => Intent::Exchange,
        };
        self.counts.stale_checks = self.counts.stale_checks.saturating_add(1);
        let ticket = self.ticket();
        let deadline = self.deadline(asked.now);
        let waiter = Waiter::new(facts, None);
        let asked_ms = asked.now.monotonic_ms;
        self.alone.insert(
            ticket,
            Alone {
                waiter,
                asked_ms,
                mandate,
                deadline,
            },
        );
        Verdict::Ask(Question {
            ticket,
            message: question(intent, self.config.mode, asked.head, with),
        })
    }

    /// Question 4 but for the times and the audience, and 6; remembered for each token.
    pub(super) fn verified(
        &mut self,
        token: &[u8],
        now: Moment,
    ) -> Result<Rc<VerifiedMandate>, Reason> {
        if let Some(mandate) = self.verified.get(token) {
            self.counts.cache_hits = self.counts.cache_hits.saturating_add(1);
            return Ok(mandate);
        }
        self.counts.cache_misses = self.counts.cache_misses.saturating_add(1);
        let mandate = self.verify(token, now).map_err(|reason| match reason {
            // Two joined headers are no strict base64url either, but are to be seen for what they are.
            Reason::MandateEncoding if !is_one_token(token) => Reason::MalformedCredential,
            reason => reason,
        })?;
        Ok(self.verified.insert(token, mandate))
    }

    /// The same without remembering.
    pub(super) fn verify(&mut self, token: &[u8], now: Moment) -> Result<VerifiedMandate, Reason> {
        let authority = self
            .feed
            .live(now.monotonic_ms)
            .ok_or(Reason::AuthorityUnavailable)?;
        let trust = Trust {
            zone: &self.config.zone,
            issuer: &authority.issuer,
            keys: &authority.keys,
            delegators: self.config.delegators.as_ref(),
        };
        self.counts.verifications = self.counts.verifications.saturating_add(1);
        verify(token, trust, &*self.crypto)
    }

    /// The rest of questions 4 to 8, for this moment, peer and operation.
    pub(super) fn present<'m>(
        &self,
        mandate: &'m VerifiedMandate,
        facts: &Facts<'_>,
        target: Target<'_>,
        now: Moment,
    ) -> Result<Permit<'m>, NotNow> {
        let presenter = match self.config.role {
            Role::Agent => Presenter::Own,
            Role::Resource | Role::Gateway => Presenter::Peer(facts.peer),
        };
        let authority = self.feed.live(now.monotonic_ms).ok_or(NotNow::Ahead)?;
        let permit = mandate
            .present(Presentation {
                now: now.unix_s(),
                presenter,
                resource: target.resource,
                operation: target.operation,
                revocations: &authority.revocations,
            })
            .map_err(NotNow::Refused)?;
        if mandate.issued_at_version() > authority.version {
            return Err(NotNow::Ahead);
        }
        Ok(permit)
    }
}
