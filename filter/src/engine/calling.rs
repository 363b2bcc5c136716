//! Calls: put up when their request is let through to the workload, looked up when it sends one itself.

use caracal_mandate::claims::MandateUse;
use caracal_mandate::reason::Reason;
use caracal_mandate::verify::VerifiedMandate;

use super::Engine;
use super::facts::{Facts, StreamId};
use crate::calls::{Call, Caller, Calls, SharedData, Trace, marked};
use crate::config::Role;
use crate::head::Head;
use crate::time::Moment;

/// What a request says that calls a workload by a mandate that lets it act in turn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Calling<'a> {
    /// By what its trace is known.
    trace: &'a str,
    token: &'a str,
    /// Its `tracestate` without a mark of ours.
    tracestate: &'a str,
}

/// The same while the request waits.
#[derive(Debug)]
pub(super) struct WaitingCall {
    trace: String,
    token: String,
    tracestate: String,
}

impl Calling<'_> {
    pub(super) fn to_waiting(self) -> WaitingCall {
        WaitingCall {
            trace: self.trace.to_owned(),
            token: self.token.to_owned(),
            tracestate: self.tracestate.to_owned(),
        }
    }
}

impl WaitingCall {
    pub(super) fn calling(&self) -> Calling<'_> {
        Calling {
            trace: &self.trace,
            token: &self.token,
            tracestate: &self.tracestate,
        }
    }
}

impl Engine {
    /// Has whoever is called here act for its callers, where the configuration says so.
    #[must_use]
    pub fn sharing(mut self, shared: Box<dyn SharedData>) -> Self {
        let zone = self.config.zone.as_str();
        let calls = self.config.calls.as_ref();
        self.callers = calls.map(|calls| Calls::new(calls, zone, shared));
        if let Some(calls) = &self.callers {
            calls.prepare();
        }
        self
    }

    /// What is to be put up when this request is let through, if anything is.
    pub(super) fn calling<'a>(
        &self,
        head: &Head<'a>,
        mandate: &VerifiedMandate,
        tracestate: &'a str,
    ) -> Option<Calling<'a>> {
        let claims = mandate.claims();
        let lets_act = claims.may_act.is_some() && claims.usage == MandateUse::Execute;
        if self.callers.is_none() || !lets_act {
            return None;
        }
        Some(Calling {
            trace: Trace::of(head).id()?,
            token: std::str::from_utf8(head.bearer().ok()?).ok()?,
            tracestate,
        })
    }

    /// Puts the call of a request up that is let through now; gives its `tracestate`. Only what was
    /// verified here is put up.
    pub(super) fn put_up(
        &mut self,
        facts: &Facts<'_>,
        mandate: Option<&VerifiedMandate>,
        now: Moment,
    ) -> Option<String> {
        let (calls, calling) = (self.callers.as_ref()?, facts.calling?);
        let claims = mandate?.claims();
        let call = Call {
            trace: calling.trace,
            token: calling.token,
            session: &claims.sid,
            expires: claims.exp,
        };
        let Some(open) = calls.begin(call, now) else {
            self.counts.calls_forgotten = self.counts.calls_forgotten.saturating_add(1);
            return None;
        };
        let tracestate = marked(&[calling.tracestate.as_bytes()], open.mark());
        self.open_calls.insert(facts.stream, open);
        Some(tracestate)
    }

    /// Takes the call of a request down that is over.
    pub(super) fn take_down(&mut self, stream: StreamId, now: Moment) {
        if let (Some(open), Some(calls)) = (self.open_calls.remove(&stream), &self.callers) {
            calls.end(open, now);
        }
    }

    /// Who called the workload that sends this request.
    pub(super) fn caller(&self, head: &Head<'_>, now: Moment) -> Result<Option<Caller>, Reason> {
        match &self.callers {
            Some(calls) if self.config.role == Role::Agent => calls.find(Trace::of(head), now),
            _ => Ok(None),
        }
    }
}
