//! A row of the entries, by the places of its columns: looking each up by name, for each entry, cost as much as
//! hashing the body.

use std::borrow::Cow;

use rusqlite::Statement;
use rusqlite::types::ValueRef;

use super::{NO_TEXT, Stored};
use crate::verify::database::{bytes, count, integer};
use crate::verify::emitters::Emitters;

/// Where each column stands. An old or a hostile file may be without some.
#[derive(Debug, Clone, Copy)]
pub(in crate::verify) struct Places {
    index: Option<usize>,
    emitter_id: Option<usize>,
    seq: Option<usize>,
    recorded_ms: Option<usize>,
    request_id: Option<usize>,
    request_key: Option<usize>,
    mandate: Option<usize>,
    mandate_key: Option<usize>,
    application: Option<usize>,
    resource: Option<usize>,
    outcome: Option<usize>,
    reason: Option<usize>,
    leaf_hash: Option<usize>,
    body: Option<usize>,
}

impl Places {
    /// Those of all rows of a query.
    pub(in crate::verify) fn of(query: &Statement<'_>) -> Self {
        let place = |name| query.column_index(name).ok();
        Self {
            index: place("idx"),
            emitter_id: place("emitter_id"),
            seq: place("seq"),
            recorded_ms: place("recorded_ms"),
            request_id: place("request_id"),
            request_key: place("request_key"),
            mandate: place("mandate"),
            mandate_key: place("mandate_key"),
            application: place("application"),
            resource: place("resource"),
            outcome: place("outcome"),
            reason: place("reason"),
            leaf_hash: place("leaf_hash"),
            body: place("body"),
        }
    }
}

/// One row.
#[derive(Clone, Copy)]
pub(in crate::verify) struct Row<'r> {
    row: &'r rusqlite::Row<'r>,
    places: &'r Places,
}

impl<'r> Row<'r> {
    pub(in crate::verify) fn new(row: &'r rusqlite::Row<'r>, places: &'r Places) -> Self {
        Self { row, places }
    }

    pub(in crate::verify) fn emitter_id(self) -> Option<i64> {
        integer(self.row, self.places.emitter_id?)
    }

    /// The emitter's number.
    pub(in crate::verify) fn number(self) -> Option<u64> {
        count(self.row, self.places.seq?)
    }

    /// The values that are judged. Nothing is copied.
    pub(in crate::verify) fn stored<'a>(self, emitters: &'a Emitters) -> Stored<'a>
    where
        'r: 'a,
    {
        let Self { row, places } = self;
        let integer = |place: Option<usize>| integer(row, place?);
        let key = |place: Option<usize>| key(row, place?);
        let text = |place: Option<usize>| copy(row, place?).map(Cow::Borrowed);
        let bytes = |place: Option<usize>| place.map_or(&[] as &[u8], |place| bytes(row, place));
        Stored {
            index: places.index.and_then(|place| count(row, place)),
            series: self.emitter_id().and_then(|id| emitters.get(id)),
            seq: integer(places.seq),
            recorded_ms: integer(places.recorded_ms),
            request_id: text(places.request_id),
            request_key: key(places.request_key),
            // A file from before there were such columns has no entry that would fill them either.
            mandate: text(places.mandate),
            mandate_key: key(places.mandate_key),
            application: text(places.application),
            resource: text(places.resource),
            outcome: text(places.outcome),
            reason: text(places.reason),
            leaf_hash: bytes(places.leaf_hash).into(),
            body: bytes(places.body).into(),
        }
    }
}

/// What a key is taken for that is no integer: keys of entries are not negative.
const NO_KEY: i64 = i64::MIN;

fn key(row: &rusqlite::Row<'_>, place: usize) -> Option<i64> {
    match row.get_ref(place).ok()? {
        ValueRef::Null => None,
        ValueRef::Integer(key) => Some(key),
        _ => Some(NO_KEY),
    }
}

/// A text; nothing only where the column is empty.
fn copy<'r>(row: &'r rusqlite::Row<'_>, place: usize) -> Option<&'r str> {
    match row.get_ref(place).ok()? {
        ValueRef::Null => None,
        value => Some(value.as_str().unwrap_or(NO_TEXT)),
    }
}
