//! Exchanges under way: one for each holder, resource and set of scopes, however many wait for it.

use std::collections::HashMap;
use std::rc::Rc;

use caracal_mandate::verify::VerifiedMandate;

use super::facts::{StreamId, Waiter};
use super::verdict::Ticket;
use crate::calls::Mark;

/// Names what is asked for.
pub(super) type ExchangeKey = Box<[u8]>;

/// For whom a mandate is obtained: the downstream peer, and who called the workload.
#[derive(Debug, Clone, Copy)]
pub(super) struct For<'a> {
    pub(super) peer: Option<&'a str>,
    pub(super) caller: Option<Mark>,
}

/// The key of an exchange. The parts cannot hold a NUL, so no two of them read the same.
pub(super) fn exchange_key(whom: For<'_>, resource: &str, scopes: &str) -> ExchangeKey {
    let caller = whom.caller.map(Mark::to_hex).unwrap_or_default();
    let parts = [whom.peer.unwrap_or_default(), resource, scopes, &caller];
    parts.join("\0").into_bytes().into()
}

/// A question about one request alone.
#[derive(Debug)]
pub(super) struct Alone {
    pub(super) waiter: Waiter,
    /// When the service was asked.
    pub(super) asked_ms: u64,
    /// The mandate that it carries, where that is verified.
    pub(super) mandate: Option<Rc<VerifiedMandate>>,
    pub(super) deadline: u64,
}

/// One exchange.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) key: ExchangeKey,
    pub(super) waiters: Vec<Waiter>,
    /// When the first of them asked.
    pub(super) asked_ms: u64,
    pub(super) deadline: u64,
    /// The request whose context made the call: when it goes, the host drops the call with it.
    leader: Option<StreamId>,
    message: Vec<u8>,
}

/// All exchanges under way.
#[derive(Debug, Default)]
pub(super) struct Flights {
    by_key: HashMap<ExchangeKey, Ticket>,
    by_ticket: HashMap<Ticket, Flight>,
    /// Exchanges whose call went with its request while others still wait.
    orphans: Vec<Ticket>,
}

impl Flights {
    /// How many requests wait.
    pub(super) fn waiting(&self) -> usize {
        self.by_ticket
            .values()
            .map(|flight| flight.waiters.len())
            .fold(0, usize::saturating_add)
    }

    /// The exchange for `key` that is under way, to be joined.
    pub(super) fn under_way(&mut self, key: &ExchangeKey) -> Option<&mut Flight> {
        let ticket = self.by_key.get(key)?;
        self.by_ticket.get_mut(ticket)
    }

    /// Begins an exchange with its first request.
    pub(super) fn begin(
        &mut self,
        ticket: Ticket,
        key: ExchangeKey,
        waiter: Waiter,
        message: Vec<u8>,
        (asked_ms, deadline): (u64, u64),
    ) {
        self.by_key.insert(key.clone(), ticket);
        let leader = Some(waiter.stream);
        let flight = Flight {
            key,
            waiters: vec![waiter],
            asked_ms,
            deadline,
            leader,
            message,
        };
        self.by_ticket.insert(ticket, flight);
    }

    /// Ends an exchange.
    pub(super) fn end(&mut self, ticket: Ticket) -> Option<Flight> {
        let flight = self.by_ticket.remove(&ticket)?;
        self.by_key.remove(&flight.key);
        Some(flight)
    }

    /// A request is gone.
    pub(super) fn forget(&mut self, stream: StreamId) {
        let mut empty = Vec::new();
        for (ticket, flight) in &mut self.by_ticket {
            flight.waiters.retain(|waiter| waiter.stream != stream);
            if flight.waiters.is_empty() {
                empty.push(*ticket);
            } else if flight.leader == Some(stream) {
                flight.leader = None;
                self.orphans.push(*ticket);
            }
        }
        for ticket in empty {
            self.end(ticket);
        }
    }

    /// Exchanges to be sent again, by a context that does not go away.
    pub(super) fn take_orphans(&mut self) -> Vec<(Ticket, Vec<u8>)> {
        let tickets = std::mem::take(&mut self.orphans);
        let message = |ticket| Some((ticket, self.by_ticket.get(&ticket)?.message.clone()));
        tickets.into_iter().filter_map(message).collect()
    }

    /// Exchanges whose time is over.
    pub(super) fn overdue(&self, now: u64) -> Vec<Ticket> {
        let late = self
            .by_ticket
            .iter()
            .filter(|(_, flight)| flight.deadline <= now);
        late.map(|(ticket, _)| *ticket).collect()
    }
}
