//! The columns of `entries.parquet`: copies of what stands in the leaf, and the leaf.

use caracal_mandate::event::{Action, Component, Event};

use super::writer::Leaf;
use crate::record::{Record, outcome_text};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A count.
    Number,
    /// Unix time in milliseconds.
    Time,
    /// Yes or no; always there.
    Flag,
    /// UTF-8.
    Text,
    /// 32 bytes; always there.
    Hash,
}

/// A column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// Whether every row has a value.
    pub(super) required: bool,
}

/// A value of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cell<'a> {
    /// A number, or a time.
    Number(Option<i64>),
    Flag(bool),
    Text(Option<&'a [u8]>),
    Hash(&'a [u8]),
}

/// Number of columns.
pub(super) const WIDTH: usize = 35;

const fn column(name: &'static str, kind: Kind, required: bool) -> Column {
    Column {
        name,
        kind,
        required,
    }
}

/// Every column, in the order of [`row`]. Texts are called as in the event.
pub(super) const COLUMNS: [Column; WIDTH] = [
    column("index", Kind::Number, true),
    column("recorded", Kind::Time, true),
    column("time", Kind::Time, true),
    column("zone", Kind::Text, true),
    column("component", Kind::Text, true),
    column("action", Kind::Text, true),
    column("outcome", Kind::Text, true),
    column("shadow", Kind::Flag, true),
    column("reason", Kind::Text, false),
    column("application", Kind::Text, false),
    column("session", Kind::Text, false),
    column("resource", Kind::Text, false),
    column("operation", Kind::Text, false),
    column("method", Kind::Text, false),
    column("host", Kind::Text, false),
    column("path", Kind::Text, false),
    column("scope", Kind::Text, false),
    column("request_id", Kind::Text, false),
    column("mandate", Kind::Text, false),
    column("grant", Kind::Text, false),
    column("policy", Kind::Text, false),
    column("epoch", Kind::Number, false),
    column("holder", Kind::Text, false),
    column("detail", Kind::Text, false),
    column("status", Kind::Number, false),
    column("duration_us", Kind::Number, false),
    column("ended_by", Kind::Text, false),
    column("decision", Kind::Number, false),
    column("peer", Kind::Text, true),
    column("emitter", Kind::Text, true),
    column("boot", Kind::Text, true),
    column("seq", Kind::Number, true),
    column("event_version", Kind::Number, true),
    column("leaf", Kind::Text, true),
    column("leaf_hash", Kind::Hash, true),
];

/// The values of one entry.
pub(super) fn row<'a>(leaf: &Leaf<'a>, hash: &'a [u8; 32]) -> [Cell<'a>; WIDTH] {
    let Record {
        event,
        peer,
        recorded_ms,
    } = leaf.record;
    let text = |text: &'a str| Cell::Text(Some(text.as_bytes()));
    let maybe = |text: &'a Option<String>| Cell::Text(text.as_deref().map(str::as_bytes));
    let Event {
        application,
        session,
        resource,
        operation,
        method,
        host,
        path,
        scope,
        ..
    } = event;
    [
        number(leaf.index),
        number(*recorded_ms),
        number(event.time_ms),
        text(&event.zone),
        text(component_text(event.component)),
        text(action_text(event.action)),
        text(outcome_text(event.outcome)),
        Cell::Flag(event.shadow),
        Cell::Text(event.reason.map(|reason| reason.as_str().as_bytes())),
        maybe(application),
        maybe(session),
        maybe(resource),
        maybe(operation),
        maybe(method),
        maybe(host),
        maybe(path),
        maybe(scope),
        maybe(&event.request_id),
        maybe(&event.mandate),
        maybe(&event.grant),
        maybe(&event.policy),
        Cell::Number(event.epoch.map(saturated)),
        maybe(&event.holder),
        maybe(&event.detail),
        Cell::Number(event.status.map(|status| status.get().into())),
        Cell::Number(event.duration_us.map(saturated)),
        Cell::Text(event.ended_by.map(|end| end.as_str().as_bytes())),
        Cell::Number(event.decision.map(saturated)),
        text(peer),
        text(&event.emitter.name),
        text(&event.emitter.boot),
        number(event.emitter.seq),
        number(event.v.into()),
        Cell::Text(Some(leaf.bytes)),
        Cell::Hash(hash),
    ]
}

fn number<'a>(value: u64) -> Cell<'a> {
    Cell::Number(Some(saturated(value)))
}

/// Canonical numbers are below 2^53.
fn saturated(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// As the event's JSON spells it.
pub(super) const fn component_text(component: Component) -> &'static str {
    match component {
        Component::Filter => "filter",
        Component::Sts => "sts",
        Component::Control => "control",
    }
}

/// As the event's JSON spells it.
pub(super) const fn action_text(action: Action) -> &'static str {
    match action {
        Action::Request => "request",
        Action::Exchange => "exchange",
        Action::Authorize => "authorize",
        Action::Admin => "admin",
        Action::Response => "response",
    }
}
