//! Calls under way: with whose mandate this workload was called, for as long as the call lasts.
//!
//! The filter in front of a workload puts the mandate of each call up here, and the filter behind it
//! finds it when the workload, knowing nothing of all this, sends a request in the same trace. The two
//! run on different threads of one proxy, in VMs that share nothing but the host's shared data:
//! a map that every plugin with the same `vm_id` reads and writes. So what stands there is sealed, is
//! bound to its trace, and is believed only when it opens.
//!
//! A call is known by its trace (`traceparent`, else `x-request-id`) and, since several callers may share
//! a trace, by a mark that the filter in front adds to `tracestate`, which whoever propagates a
//! trace hands on. Without the mark a trace with two callers is ambiguous, and nothing is done for either.

mod board;
#[cfg(any(test, fuzzing))]
pub(crate) mod memory;
mod seal;
mod trace;

pub use board::SharedData;
pub use trace::{Trace, is_marked, marked, unmarked};

use board::{Board, Entry};
use caracal_mandate::reason::Reason;
use seal::{Name, Seal, TraceName};

use crate::config::CallsConfig;
use crate::time::Moment;

/// Bytes of a call's mark.
const MARK_BYTES: usize = 8;

/// What a call is known by in its trace: the same for all calls with one mandate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark([u8; MARK_BYTES]);

impl Mark {
    /// As it stands in `tracestate`.
    #[must_use]
    pub fn to_hex(self) -> String {
        format!("{:016x}", u64::from_be_bytes(self.0))
    }

    fn parse(text: &[u8]) -> Option<Self> {
        let digit = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
        let text = std::str::from_utf8(text).ok();
        let text = text.filter(|text| text.len() == 16 && text.as_bytes().iter().all(digit))?;
        let number = u64::from_str_radix(text, 16).ok()?;
        Some(Self(number.to_be_bytes()))
    }
}

/// A call that was put up and is to be taken down when its request is over.
#[derive(Debug)]
pub struct OpenCall(Name);

impl OpenCall {
    /// Its mark.
    #[must_use]
    pub const fn mark(&self) -> Mark {
        self.0.mark
    }
}

/// A call as the filter in front of the workload sees it.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// Its trace.
    pub trace: &'a str,
    /// The mandate, which was verified.
    pub token: &'a str,
    /// The caller's session.
    pub session: &'a str,
    /// Unix second from which the mandate is void.
    pub expires: u64,
}

/// Who called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// What the call is known by.
    pub mark: Mark,
    /// The mandate with which it called.
    pub token: String,
}

/// The calls of one workload.
pub struct Calls {
    seal: Seal,
    board: Board,
    linger_s: u64,
}

impl Calls {
    /// The calls that are up in `shared`. `zone` and the secret are the same for the filters on both sides
    /// of the workload, and for nobody else.
    #[must_use]
    pub fn new(config: &CallsConfig, zone: &str, shared: Box<dyn SharedData>) -> Self {
        Self {
            seal: Seal::new(zone, &config.secret),
            board: Board::new(shared),
            linger_s: u64::from(config.linger_s),
        }
    }

    /// Makes room. To be called before any worker serves: what two workers make at once, one of them
    /// overwrites.
    pub fn prepare(&self) {
        self.board.prepare();
    }

    /// Puts a call up. `None` when there is no room: then nobody acts for this caller.
    #[must_use]
    pub fn begin(&self, call: Call<'_>, now: Moment) -> Option<OpenCall> {
        let name = Name {
            trace: self.seal.trace(call.trace),
            mark: self.seal.mark(call.token),
        };
        let caller = self.seal.caller(call.session);
        let put = self.board.change(name.slot(), |entries| {
            board::prune(entries, now.unix_s());
            // Whoever put something else up under this name is put right.
            let same = entries.extract_if(.., |entry| entry.is(name));
            let open = same.map(|entry| entry.open).max().unwrap_or(0);
            if entries.len() >= board::MAX_CALLS_OF_SLOT {
                return false;
            }
            let sealed = self.seal.seal(name, call.expires, call.token);
            entries.extend(sealed.map(|sealed| Entry {
                trace: name.trace.to_vec(),
                mark: name.mark.0.to_vec(),
                caller: caller.to_vec(),
                open: open.saturating_add(1),
                expires: call.expires,
                lingers_until: 0,
                sealed,
            }));
            true
        });
        put.then_some(OpenCall(name))
    }

    /// Takes a call down. It stays for as long as the configuration has it linger.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a call is taken down once: nobody has it afterwards"
    )]
    pub fn end(&self, call: OpenCall, now: Moment) {
        self.board.change(call.0.slot(), |entries| {
            if let Some(entry) = entries.iter_mut().find(|entry| entry.is(call.0)) {
                entry.open = entry.open.saturating_sub(1);
                entry.lingers_until = now.unix_s().saturating_add(self.linger_s);
            }
            board::prune(entries, now.unix_s());
            true
        });
    }

    /// Who called, in the trace of a request that the workload sends.
    pub fn find(&self, trace: Trace<'_>, now: Moment) -> Result<Option<Caller>, Reason> {
        for id in trace.ids() {
            let found = self.find_by(id, trace.mark, now)?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    fn find_by(&self, id: &str, mark: Option<Mark>, now: Moment) -> Result<Option<Caller>, Reason> {
        let trace = self.seal.trace(id);
        let slot = seal::slot_of(trace);
        let mut here = self.board.read(slot);
        here.retain(|entry| entry.trace == trace && entry.is_live(now.unix_s()));
        if let Some(mark) = mark {
            here.retain(|entry| entry.mark == mark.0);
        }
        let mut known: Vec<_> = here
            .iter()
            .filter_map(|entry| Some((entry, self.opened(trace, entry)?)))
            .collect();
        let several = known
            .windows(2)
            .any(|pair| matches!(pair, [one, other] if one.0.caller != other.0.caller));
        if several {
            return Err(Reason::CallerAmbiguous);
        }
        // Of several mandates of one caller the one that lasts longest.
        known.sort_unstable_by_key(|(entry, _)| entry.expires);
        Ok(known.pop().map(|(_, caller)| caller))
    }

    /// What nobody else can have put up.
    fn opened(&self, trace: TraceName, entry: &Entry) -> Option<Caller> {
        let mark = Mark(entry.mark.as_slice().try_into().ok()?);
        let name = Name { trace, mark };
        let token = self.seal.open(name, entry.expires, &entry.sealed)?;
        Some(Caller { mark, token })
    }
}

#[cfg(test)]
mod tests;
