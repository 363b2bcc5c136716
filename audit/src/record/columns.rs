//! The columns that copy something of the body. Written by the sequencer, compared by the verifier.

use caracal_mandate::event::{Event, Outcome};

/// One numbering: a peer's emitter in one run. A row of `emitters`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Series {
    pub(crate) peer: String,
    pub(crate) name: String,
    pub(crate) boot: String,
}

/// The columns of `log_entries` that depend on nothing but the event.
#[derive(Debug)]
pub(crate) struct Columns<S> {
    pub(crate) seq: i64,
    pub(crate) request_id: Option<S>,
    /// The mandate that was issued. Requests name theirs in the body alone: an index over all of them
    /// would cost each request, and what is asked is how one came to be.
    pub(crate) mandate: Option<S>,
    pub(crate) application: Option<S>,
    pub(crate) resource: Option<S>,
    pub(crate) outcome: S,
    pub(crate) reason: Option<S>,
}

impl<'a, S: From<&'a str>> Columns<S> {
    pub(crate) fn of<T: AsRef<str>>(event: &'a Event<T>) -> Self {
        let copy = |text: &'a Option<T>| text.as_ref().map(|text| S::from(text.as_ref()));
        let issued = event.chain.is_some() && event.outcome == Outcome::Allow;
        Self {
            seq: i64::try_from(event.emitter.seq).unwrap_or(i64::MAX),
            request_id: copy(&event.request_id),
            mandate: copy(&event.mandate).filter(|_| issued),
            application: copy(&event.application),
            resource: copy(&event.resource),
            outcome: outcome_text(event.outcome).into(),
            reason: event.reason.map(|reason| reason.as_str().into()),
        }
    }
}

/// The outcome as the event's JSON spells it.
pub(crate) fn outcome_text(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Allow => "allow",
        Outcome::Deny => "deny",
    }
}
