//! One decision, as it stands in the ledger.
//!
//! The canonical form is RFC 8785 (JCS): members in alphabetical order, no white space, integers
//! below 2^53, absent members left out. The fields below are declared in that order, so that plain
//! serialization *is* the canonical form; a test proves it. Tokens, keys and secrets have no field.

mod chain;
mod end;

use serde::{Deserialize, Serialize};

use crate::reason::Reason;

pub use chain::{RecordedChain, RecordedHop, RecordedRow};
pub use end::{EndedBy, HttpStatus, NotAStatus, UnknownEnd};

/// Version of this schema, which is the one that is written.
pub const EVENT_VERSION: u32 = 4;

/// Oldest version that is read. Version 1 had no `shadow`, version 2 no `chain`, version 3 nothing of what
/// became of a request: no `decision`, `duration_us`, `ended_by` and `status`, and no action `response`.
/// Nothing else has changed since.
pub const OLDEST_EVENT_VERSION: u32 = 1;

/// Longest canonical event in bytes: a C2SP entry bundle prefixes each entry with 16 bits.
pub const MAX_EVENT_BYTES: usize = 8 * 1024;

/// Room for an event with every member in it, so that writing one allocates once.
const TYPICAL_EVENT_BYTES: usize = 1024;

/// Bytes of an event beside its texts: names of members, numbers, punctuation.
const MAX_FRAME_BYTES: usize = 1024;

/// Longest text of an event that is too long, in characters; tried one after the other. 64
/// characters of at most 6 bytes (`\u0001`) in each member fit for certain, and 24 beside the chain of
/// any mandate, whose texts are left whole.
const SHORTENED: [usize; 4] = [1024, 256, 64, 24];

/// Which part of the system decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Component {
    /// An enforcement point in the data plane.
    Filter,
    /// The token service.
    Sts,
    /// The management API.
    Control,
}

/// What was decided on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A request at an enforcement point.
    Request,
    /// The issue of a mandate.
    Exchange,
    /// One request that an enforcement point could not decide by itself.
    Authorize,
    /// A change of authority: through the management API, by the holder of a mandate, or by the token
    /// service on its own.
    Admin,
    /// What became of a request that was let through, where [`Action::Request`] was recorded before
    /// that was known.
    Response,
}

/// The outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Allowed.
    Allow,
    /// Refused; [`Event::reason`] says why.
    Deny,
}

/// Who wrote the event, and its number there: a missing number is a missing event.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Emitter<S = String> {
    /// Random name of this run of the emitter; numbering starts at 1 for each.
    pub boot: S,
    /// Stable name of the emitter, such as an enforcement point's instance name.
    pub name: S,
    /// Position in the emitter's own sequence, from 1, without gaps.
    pub seq: u64,
}

/// One decision. See the module's text for the canonical form.
///
/// `S` is `String` where events are read, and `&str` where they are written in great number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event<S = String> {
    /// What was decided on.
    pub action: Action,
    /// Application (the mandate's `client_id`).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub application: Option<S>,
    /// Whom the authority came through: of an exchange, the chain of the mandate that was issued, or
    /// of the one that would have been made from another. Requests name a mandate, and its exchange tells.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub chain: Option<Box<RecordedChain>>,
    /// Component that decided.
    pub component: Component,
    /// Of an [`Action::Response`]: the number of the decision on the request, of the same emitter in the
    /// same run. It is always a smaller one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub decision: Option<u64>,
    /// Free text for administrative changes: the kind and name of what changed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub detail: Option<S>,
    /// How long the request took, in microseconds by the proxy's monotonic clock: from its head at the
    /// point until all of it, the response too, was over there.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub duration_us: Option<u64>,
    /// Numbering of the emitter.
    pub emitter: Emitter<S>,
    /// What ended the request, where that was not the upstream's answer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ended_by: Option<EndedBy>,
    /// Position of the authority state that the decision rests on.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub epoch: Option<u64>,
    /// Grant that the mandate rests on.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub grant: Option<S>,
    /// SPIFFE ID of the peer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub holder: Option<S>,
    /// Host in normal form.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub host: Option<S>,
    /// The mandate's `jti`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mandate: Option<S>,
    /// HTTP method.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub method: Option<S>,
    /// Operation name within the resource.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub operation: Option<S>,
    /// The outcome.
    pub outcome: Outcome,
    /// Path in normal form, without the query.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub path: Option<S>,
    /// Digest of the policy version that was evaluated.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub policy: Option<S>,
    /// Why it was refused; absent when allowed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<Reason>,
    /// `x-request-id` of the request.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request_id: Option<S>,
    /// Resource identifier (URI).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub resource: Option<S>,
    /// Scopes that were issued, or that the operation needed; space separated.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub scope: Option<S>,
    /// Session.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub session: Option<S>,
    /// The point only shadowed: it let the request pass, whatever it decided. Absent when the
    /// decision was enforced.
    #[serde(skip_serializing_if = "is_false", default)]
    pub shadow: bool,
    /// HTTP status of the response to a request that was let through; absent while it is not known, and
    /// where none came.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub status: Option<HttpStatus>,
    /// When it was decided, or when the request of an [`Action::Response`] was over: Unix time in
    /// milliseconds, by the emitter's clock.
    pub time_ms: u64,
    /// Schema version, [`EVENT_VERSION`].
    pub v: u32,
    /// Zone.
    pub zone: S,
}

/// Why bytes are not an event.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// Not JSON of this schema.
    #[error("not an event of schema version {EVENT_VERSION}: {0}")]
    Malformed(#[from] serde_json::Error),
    /// Readable, but not the canonical bytes, so its leaf hash would not be reproducible.
    #[error("the event is not in canonical form")]
    NotCanonical,
    /// Longer than [`MAX_EVENT_BYTES`].
    #[error("the event has {0} bytes, more than {MAX_EVENT_BYTES}")]
    TooLong(usize),
    /// A version that this build does not know.
    #[error(
        "the event has schema version {0}, this build knows {OLDEST_EVENT_VERSION} to {EVENT_VERSION}"
    )]
    Version(u32),
}

/// Whether events of schema version `v` are read by this build.
#[must_use]
pub const fn is_known_version(v: u32) -> bool {
    OLDEST_EVENT_VERSION <= v && v <= EVENT_VERSION
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes members by reference"
)]
const fn is_false(value: &bool) -> bool {
    !*value
}

impl<S> Event<S> {
    /// An event with the given fixed part and every optional member absent.
    #[must_use]
    pub fn new(
        zone: impl Into<S>,
        component: Component,
        action: Action,
        outcome: Outcome,
        emitter: Emitter<S>,
        time_ms: u64,
    ) -> Self {
        Self {
            action,
            application: None,
            chain: None,
            component,
            decision: None,
            detail: None,
            duration_us: None,
            emitter,
            ended_by: None,
            epoch: None,
            grant: None,
            holder: None,
            host: None,
            mandate: None,
            method: None,
            operation: None,
            outcome,
            path: None,
            policy: None,
            reason: None,
            request_id: None,
            resource: None,
            scope: None,
            session: None,
            shadow: false,
            status: None,
            time_ms,
            v: EVENT_VERSION,
            zone: zone.into(),
        }
    }
}

impl<S> Event<S> {
    /// Whether its version is known, and had every member that is there.
    #[must_use]
    pub const fn is_of_its_version(&self) -> bool {
        let since = if matches!(self.action, Action::Response)
            || self.decision.is_some()
            || self.duration_us.is_some()
            || self.ended_by.is_some()
            || self.status.is_some()
        {
            4
        } else if self.chain.is_some() {
            3
        } else if self.shadow {
            2
        } else {
            1
        };
        is_known_version(self.v) && since <= self.v
    }
}

impl<S: Serialize> Event<S> {
    /// The canonical bytes.
    ///
    /// # Errors
    /// Never for values of this type in practice; `serde_json` reports through the same path.
    pub fn to_canonical(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = Vec::with_capacity(TYPICAL_EVENT_BYTES);
        serde_json::to_writer(&mut bytes, self)?;
        Ok(bytes)
    }
}

impl Event {
    /// Shortens texts until the event fits into [`MAX_EVENT_BYTES`]: a decision about a monstrous
    /// request is to be recorded too. The emitter and the zone are not touched.
    pub fn shorten(&mut self) {
        for limit in SHORTENED {
            if self.fits() {
                return;
            }
            for text in self.texts().into_iter().flatten() {
                if let Some((end, _)) = text.char_indices().nth(limit) {
                    text.truncate(end);
                }
            }
        }
    }

    fn fits(&mut self) -> bool {
        // No character takes more than 6 bytes for each of its own; seldom is more to be known.
        let texts = self.texts().into_iter().flatten();
        let text_bytes = texts.map(|text| text.len()).fold(0, usize::saturating_add);
        let chain = self.chain.as_ref().map(|chain| chain.measure());
        let (chain_bytes, chain_frame) = chain.unwrap_or_default();
        let most = text_bytes.saturating_add(chain_bytes).saturating_mul(6);
        let frame = MAX_FRAME_BYTES.saturating_add(chain_frame);
        most.saturating_add(frame) <= MAX_EVENT_BYTES
            || self
                .to_canonical()
                .is_ok_and(|bytes| bytes.len() <= MAX_EVENT_BYTES)
    }

    /// Every member that may hold free text. The chain has none: its names and ids are those of a mandate.
    fn texts(&mut self) -> [Option<&mut String>; 14] {
        [
            self.path.as_mut(),
            self.host.as_mut(),
            self.request_id.as_mut(),
            self.detail.as_mut(),
            self.holder.as_mut(),
            self.scope.as_mut(),
            self.method.as_mut(),
            self.application.as_mut(),
            self.grant.as_mut(),
            self.mandate.as_mut(),
            self.operation.as_mut(),
            self.policy.as_mut(),
            self.resource.as_mut(),
            self.session.as_mut(),
        ]
    }

    /// Reads canonical bytes and nothing else.
    pub fn from_canonical(bytes: &[u8]) -> Result<Self, EventError> {
        if bytes.len() > MAX_EVENT_BYTES {
            return Err(EventError::TooLong(bytes.len()));
        }
        let event: Self = serde_json::from_slice(bytes)?;
        if !event.is_of_its_version() {
            return Err(EventError::Version(event.v));
        }
        if event.to_canonical()? != bytes {
            return Err(EventError::NotCanonical);
        }
        Ok(event)
    }
}

#[cfg(test)]
mod tests;
