//! Spans while they last.

use std::sync::{Arc, Mutex, PoisonError};

use caracal_mandate::event::{Action, Event, Outcome};
use caracal_mandate::reason::Reason;
use caracal_proto::otlp::SpanKind;
use caracal_proto::otlp::StatusCode;
use caracal_proto::otlp::any_value::Value;
use caracal_proto::otlp::{AnyValue, KeyValue};
use caracal_proto::otlp::{Span, SpanStatus};

use super::context::Parent;
use super::export::Queue;
use crate::clock::{Clock, Random};

/// Most children of one trace: a decision that is made again has its steps again.
const MAX_CHILDREN: usize = 32;

/// Of a flags field: the parent's span is in another process (OTLP `SPAN_FLAGS_CONTEXT_*`).
const SAMPLED: u32 = 0x01;
const HAS_IS_REMOTE: u32 = 0x100;
const IS_REMOTE: u32 = 0x200;

tokio::task_local! {
    static CURRENT: Arc<Open>;
}

/// A trace that is being written.
struct Open {
    trace: [u8; 16],
    root: [u8; 8],
    start_ns: u64,
    start_us: u64,
    clock: Arc<dyn Clock>,
    written: Mutex<Written>,
}

#[derive(Default)]
struct Written {
    attributes: Vec<KeyValue>,
    children: Vec<Span>,
    unavailable: bool,
}

impl Open {
    /// Unix nanoseconds that cannot run backwards within a trace.
    fn now_ns(&self) -> u64 {
        let since_us = self.clock.monotonic_us().saturating_sub(self.start_us);
        self.start_ns.saturating_add(since_us.saturating_mul(1000))
    }

    fn write(&self, what: impl FnOnce(&mut Written)) {
        what(&mut self.written.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// The span of a question. It is sent when it is dropped.
pub(crate) struct Trace {
    open: Arc<Open>,
    name: &'static str,
    parent: Option<Parent>,
    queue: Queue,
}

impl Trace {
    pub(super) fn begin(
        name: &'static str,
        parent: Option<Parent>,
        queue: Queue,
        clock: Arc<dyn Clock>,
        random: &dyn Random,
    ) -> Option<Self> {
        let mut trace = [0; 16];
        let mut root = [0; 8];
        // Without randomness there is no trace; the exchange itself will say so.
        random.fill(&mut root).ok()?;
        match parent {
            Some(parent) => trace = parent.trace,
            None => random.fill(&mut trace).ok()?,
        }
        let open = Open {
            trace,
            root,
            start_ns: clock.unix_ms().saturating_mul(1_000_000),
            start_us: clock.monotonic_us(),
            clock,
            written: Mutex::default(),
        };
        Some(Self {
            open: Arc::new(open),
            name,
            parent,
            queue,
        })
    }

    /// Runs what answers the question; its steps are children.
    pub(crate) async fn scope<F: Future>(&self, answering: F) -> F::Output {
        CURRENT.scope(Arc::clone(&self.open), answering).await
    }

    /// Adds an attribute.
    pub(crate) fn set(&self, key: &'static str, value: impl Into<Attribute>) {
        let value = attribute(key, value);
        self.open.write(|written| written.attributes.push(value));
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        let mut written = Written::default();
        self.open.write(|open| written = std::mem::take(open));
        let Written {
            attributes,
            mut children,
            unavailable,
        } = written;
        let root = Span {
            trace_id: self.open.trace.to_vec(),
            span_id: self.open.root.to_vec(),
            parent_span_id: self.parent.map_or(Vec::new(), |parent| parent.span.into()),
            flags: SAMPLED | HAS_IS_REMOTE | if self.parent.is_some() { IS_REMOTE } else { 0 },
            name: self.name.to_owned(),
            kind: SpanKind::Server.into(),
            start_time_unix_nano: self.open.start_ns,
            end_time_unix_nano: self.open.now_ns(),
            attributes,
            // A refusal is an answer; what could not be answered is an error.
            status: unavailable.then(|| SpanStatus {
                code: StatusCode::Error.into(),
            }),
        };
        children.push(root);
        self.queue.send(children);
    }
}

/// A step. It ends when it is dropped.
pub(crate) struct Child(Option<Begun>);

struct Begun {
    open: Arc<Open>,
    name: &'static str,
    start_ns: u64,
}

/// Begins a step of the question that is being answered. Nothing, where it is not traced.
pub(crate) fn child(name: &'static str) -> Child {
    let open = CURRENT.try_with(Arc::clone).ok();
    Child(open.map(|open| Begun {
        name,
        start_ns: open.now_ns(),
        open,
    }))
}

impl Drop for Child {
    fn drop(&mut self) {
        let Some(Begun {
            open,
            name,
            start_ns,
        }) = self.0.take()
        else {
            return;
        };
        let end_ns = open.now_ns();
        open.write(|written| {
            let number = written.children.len();
            if number >= MAX_CHILDREN {
                return;
            }
            written.children.push(Span {
                trace_id: open.trace.to_vec(),
                span_id: derived(open.root, number).to_vec(),
                parent_span_id: open.root.to_vec(),
                flags: SAMPLED | HAS_IS_REMOTE,
                name: name.to_owned(),
                kind: SpanKind::Internal.into(),
                start_time_unix_nano: start_ns,
                end_time_unix_nano: end_ns,
                ..Span::default()
            });
        });
    }
}

/// Ids of children follow from the random one of their parent: unique within the trace, which is all
/// that is asked of them, without more randomness.
fn derived(root: [u8; 8], number: usize) -> [u8; 8] {
    let step = u64::try_from(number).unwrap_or(u64::MAX).wrapping_add(1);
    let id = u64::from_be_bytes(root).wrapping_add(step);
    // All zeros is no id.
    if id == 0 { u64::MAX } else { id }.to_be_bytes()
}

/// Says of the trace what the decision's event says.
pub(crate) fn describe(event: &Event) {
    let _off = CURRENT.try_with(|open| {
        let mut attributes = vec![
            attribute("caracal.zone", event.zone.as_str()),
            attribute(
                "caracal.action",
                match event.action {
                    Action::Authorize => "authorize",
                    Action::Request | Action::Response => "request",
                    Action::Exchange | Action::Admin => "exchange",
                },
            ),
            attribute(
                "caracal.outcome",
                match event.outcome {
                    Outcome::Allow => "allow",
                    Outcome::Deny => "deny",
                },
            ),
        ];
        let texts = [
            ("caracal.application", &event.application),
            ("caracal.resource", &event.resource),
            ("caracal.operation", &event.operation),
            ("caracal.grant", &event.grant),
            ("caracal.policy", &event.policy),
        ];
        for (key, text) in texts {
            attributes.extend(text.as_deref().map(|text| attribute(key, text)));
        }
        let unavailable = event.reason.is_some_and(is_ours);
        if let Some(reason) = event.reason {
            attributes.push(attribute("caracal.reason", reason.as_str()));
            attributes.push(attribute("error.type", reason.as_str()));
        }
        open.write(|written| {
            written.attributes.extend(attributes);
            written.unavailable = unavailable;
        });
    });
}

/// Whether it was this side that failed, not the caller.
pub(super) fn is_ours(reason: Reason) -> bool {
    reason.error_code().http_status() >= 500
}

/// The value of an attribute.
pub(crate) enum Attribute {
    Text(String),
    Number(i64),
    Flag(bool),
}

impl From<bool> for Attribute {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<&str> for Attribute {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Attribute {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

pub(super) fn attribute(key: &'static str, value: impl Into<Attribute>) -> KeyValue {
    let value = match value.into() {
        Attribute::Text(text) => Value::StringValue(text),
        Attribute::Number(number) => Value::IntValue(number),
        Attribute::Flag(flag) => Value::BoolValue(flag),
    };
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
    }
}
