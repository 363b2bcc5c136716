//! One decision, as it stands in the ledger.
//!
//! The canonical form is RFC 8785 (JCS): members in alphabetical order, no white space, integers
//! below 2^53, absent members left out. The fields below are declared in that order, so that plain
//! serialization *is* the canonical form; a test proves it. Tokens, keys and secrets have no field.

mod chain;

use serde::{Deserialize, Serialize};

use crate::reason::Reason;

pub use chain::{RecordedChain, RecordedHop, RecordedRow};

/// Version of this schema, which is the one that is written.
pub const EVENT_VERSION: u32 = 3;

/// Oldest version that is read. Version 1 had no `shadow`, version 2 no `chain`; nothing else has changed
/// since.
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
    /// A change of authority through the management API.
    Admin,
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
    /// Free text for administrative changes: the kind and name of what changed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub detail: Option<S>,
    /// Numbering of the emitter.
    pub emitter: Emitter<S>,
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
    /// When it was decided, Unix time in milliseconds, by the emitter's clock.
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
            detail: None,
            emitter,
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
            time_ms,
            v: EVENT_VERSION,
            zone: zone.into(),
        }
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
        let too_early = (event.shadow && event.v < 2) || (event.chain.is_some() && event.v < 3);
        if !is_known_version(event.v) || too_early {
            return Err(EventError::Version(event.v));
        }
        if event.to_canonical()? != bytes {
            return Err(EventError::NotCanonical);
        }
        Ok(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain() -> RecordedChain {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let hop = |application: &str, delegation: Option<&str>, depth| RecordedHop {
            application: application.to_owned(),
            delegation: delegation.map(str::to_owned),
            depth,
            expires: 1300,
            rights: 1 << 52,
            session: format!("ses_{application}"),
        };
        RecordedChain {
            from: texts(&["mdt_0"]),
            hops: vec![hop("boss", None, 5), hop("payout", Some("dlg_1"), 0)],
            table: vec![RecordedRow {
                resource: "https://bank.internal".to_owned(),
                scopes: texts(&["accounts:read", "payments:write"]),
            }],
            through: texts(&["grt_0"]),
            via: texts(&["dlg_0"]),
        }
    }

    fn full() -> Event {
        let emitter = Emitter {
            boot: "b".to_owned(),
            name: "sidecar/\"a\"\n".to_owned(),
            seq: 7,
        };
        let some = |text: &str| Some(text.to_owned());
        Event {
            application: some("payout"),
            chain: Some(Box::new(chain())),
            detail: some("grant ü \u{1}"),
            epoch: Some(9),
            grant: some("grt_1"),
            holder: some("spiffe://a/b"),
            host: some("bank.internal"),
            mandate: some("jti"),
            method: some("GET"),
            operation: some("read"),
            path: some("/accounts/1"),
            policy: some("sha256:00"),
            reason: Some(Reason::Revoked),
            request_id: some("r"),
            resource: some("https://bank.internal"),
            scope: some("accounts:read"),
            session: some("ses_1"),
            shadow: true,
            ..Event::new(
                "z",
                Component::Filter,
                Action::Request,
                Outcome::Deny,
                emitter,
                1,
            )
        }
    }

    #[test]
    fn plain_serialization_is_the_canonical_form() {
        let event = full();
        // `serde_json::Value` keeps members in a BTreeMap, hence in the order that RFC 8785 asks.
        let sorted = serde_json::to_vec(&serde_json::to_value(&event).unwrap()).unwrap();
        assert_eq!(event.to_canonical().unwrap(), sorted);
    }

    #[test]
    fn canonical_bytes_read_back_as_the_same_event() {
        let event = full();
        assert_eq!(
            Event::from_canonical(&event.to_canonical().unwrap()).unwrap(),
            event
        );
    }

    #[test]
    fn the_same_event_in_another_spelling_is_refused() {
        let spaced = serde_json::to_string_pretty(&full()).unwrap();
        assert!(matches!(
            Event::from_canonical(spaced.as_bytes()),
            Err(EventError::NotCanonical)
        ));
    }

    #[test]
    fn an_event_of_any_length_is_shortened_until_it_fits_and_no_further() {
        let mut event = full();
        event.shorten();
        assert_eq!(event, full(), "what fits stays as it is");
        event.path = Some("p".repeat(7000));
        let long = event.clone();
        event.shorten();
        assert_eq!(event, long, "it fits to the byte, not by estimate");
        for text in event.texts().into_iter().flatten() {
            *text = "\u{1}".repeat(MAX_EVENT_BYTES);
        }
        event.shorten();
        let bytes = event.to_canonical().unwrap();
        assert!(bytes.len() <= MAX_EVENT_BYTES);
        assert_eq!(Event::from_canonical(&bytes).unwrap(), event);
    }

    #[test]
    fn only_a_shadow_decision_says_so_and_only_since_there_are_such() {
        let mut event = full();
        event.shadow = false;
        event.chain = None;
        let enforced = String::from_utf8(event.to_canonical().unwrap()).unwrap();
        assert!(!enforced.contains("shadow"));
        event.v = 1;
        let first = event.to_canonical().unwrap();
        assert_eq!(Event::from_canonical(&first).unwrap(), event);
        for (v, shadow) in [(1, true), (0, false), (EVENT_VERSION + 1, false)] {
            let strange = Event {
                shadow,
                v,
                ..event.clone()
            };
            assert!(matches!(
                Event::from_canonical(&strange.to_canonical().unwrap()),
                Err(EventError::Version(_))
            ));
        }
        let spelled_out = enforced.replacen("\"time_ms\"", "\"shadow\":false,\"time_ms\"", 1);
        assert!(matches!(
            Event::from_canonical(spelled_out.as_bytes()),
            Err(EventError::NotCanonical)
        ));
    }

    #[test]
    fn a_chain_stands_in_no_event_from_before_there_were_any() {
        let mut event = full();
        for (v, is_read) in [(1, false), (2, false), (3, true)] {
            event.v = v;
            event.shadow = v == 3;
            let read = Event::from_canonical(&event.to_canonical().unwrap());
            assert_eq!(read.is_ok(), is_read, "version {v}");
        }
        event.chain = None;
        event.v = 2;
        let before = event.to_canonical().unwrap();
        assert_eq!(Event::from_canonical(&before).unwrap(), event);
    }

    #[test]
    fn an_unknown_member_is_refused() {
        let text = String::from_utf8(full().to_canonical().unwrap()).unwrap();
        for place in ["{", "\"chain\":{", "\"hops\":[{", "\"table\":[{"] {
            let extra = text.replacen(place, &format!("{place}\"a\":1,"), 1);
            assert_ne!(extra, text);
            assert!(matches!(
                Event::from_canonical(extra.as_bytes()),
                Err(EventError::Malformed(_))
            ));
        }
    }
}
