//! The request that a decision is about, before and after it was read one way.

use caracal_mandate::event::{Action, Component, Event, Outcome};
use caracal_mandate::host::normal_host;
use caracal_mandate::operation::is_plain_method;
use caracal_mandate::path::{NormalPath, PathError};
use caracal_mandate::reason::Reason;
use caracal_mandate::scope::ScopeSet;

use crate::recorder::Recorder;

/// Zone of decisions about callers that belong to none.
pub(crate) const SYSTEM_ZONE: &str = "system";

/// Longest `x-request-id` that is kept.
const MAX_REQUEST_ID: usize = 128;

/// A request as the enforcement point describes it. Nothing in it is checked.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Asked<'a> {
    /// Method.
    pub(crate) method: &'a str,
    /// `:path`, query included.
    pub(crate) path: &'a str,
    /// `:authority`.
    pub(crate) host: &'a str,
    /// SPIFFE ID of the downstream peer as the point names it; empty when it names none.
    pub(crate) principal: &'a str,
    /// The mandate with which the workload was called that sends the request; empty when the point knows
    /// of none.
    pub(crate) caller: &'a str,
    /// `x-request-id`.
    pub(crate) request_id: &'a str,
    /// The point lets the request pass, whatever the answer is. Only what is recorded differs.
    pub(crate) shadow: bool,
    /// Why its head can be read in more than one way, where it can.
    pub(crate) malformed: Option<Reason>,
    /// Nobody else decides on the request: it comes from Envoy's own `ext_authz`.
    pub(crate) native: bool,
}

/// A no, with what the answer to the caller needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Why.
    pub(crate) reason: Reason,
    /// The scopes that the operation needs, when it is known.
    pub(crate) scopes: Option<ScopeSet>,
    /// How the user would have to authenticate, when that is what is missing.
    pub(crate) step_up: Option<StepUp>,
}

impl StepUp {
    /// `acr_values`, if there are any.
    pub(crate) fn classes(&self) -> Option<String> {
        (!self.acr_values.is_empty()).then(|| self.acr_values.join(" "))
    }
}

/// RFC 9470 §3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StepUp {
    /// Classes of authentication, one of which it has to be; none is any.
    pub(crate) acr_values: Vec<String>,
    /// Seconds since the authentication, at most.
    pub(crate) max_age: Option<u64>,
}

impl From<Reason> for Refused {
    fn from(reason: Reason) -> Self {
        Self {
            reason,
            scopes: None,
            step_up: None,
        }
    }
}

/// A request with exactly one reading.
#[derive(Debug)]
pub(crate) struct Normal<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: NormalPath<'a>,
    pub(crate) host: std::borrow::Cow<'a, str>,
}

impl<'a> Normal<'a> {
    /// Question 1 of the decision order.
    pub(crate) fn read(asked: &Asked<'a>, event: &mut Event) -> Result<Self, Reason> {
        if let Some(reason) = asked.malformed {
            return Err(reason);
        }
        if !is_plain_method(asked.method.as_bytes()) {
            return Err(Reason::MalformedMethod);
        }
        event.method = Some(asked.method.to_owned());
        let path = NormalPath::parse(asked.path.as_bytes()).map_err(|error| match error {
            PathError::TooLong => Reason::RequestTooLarge,
            PathError::NotAbsolute
            | PathError::EmptySegment
            | PathError::DotSegment
            | PathError::Character
            | PathError::BrokenEncoding
            | PathError::AmbiguousEncoding
            | PathError::NotUtf8
            | PathError::Query => Reason::MalformedPath,
        })?;
        event.path = Some(path.as_str().to_owned());
        let host = normal_host(asked.host.as_bytes()).map_err(|_| Reason::MalformedHost)?;
        event.host = Some(host.clone().into_owned());
        Ok(Self {
            method: asked.method,
            path,
            host,
        })
    }
}

/// The event of a decision that is still to be made: a no of the system zone until it is better
/// known.
pub(crate) fn draft(recorder: &Recorder, action: Action, now_ms: u64, request_id: &str) -> Event {
    let emitter = recorder.emitter();
    let mut event = Event::new(
        SYSTEM_ZONE,
        Component::Sts,
        action,
        Outcome::Deny,
        emitter,
        now_ms,
    );
    if !request_id.is_empty() {
        event.request_id = Some(request_id.chars().take(MAX_REQUEST_ID).collect());
    }
    event
}

/// Writes a refusal down in its event.
pub(crate) fn refuse(event: &mut Event, refused: &Refused) {
    event.outcome = Outcome::Deny;
    event.reason = Some(refused.reason);
    if event.scope.is_none() {
        event.scope = refused.scopes.as_ref().map(ToString::to_string);
    }
}

/// Adds to the free text of an event.
pub(crate) fn note(event: &mut Event, text: &str) {
    event.detail = Some(match event.detail.take() {
        Some(detail) => format!("{detail}; {text}"),
        None => text.to_owned(),
    });
}
