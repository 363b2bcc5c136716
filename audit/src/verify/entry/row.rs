//! A row of the entries, by the places of its columns: looking each up by name, for each entry, cost as much as
//! hashing the body.

use rusqlite::Statement;

use crate::verify::database::{borrowed, bytes, count, integer};

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

/// One row. Each column is `None` where there is none, where it is empty, or no value of its kind.
#[derive(Clone, Copy)]
pub(in crate::verify) struct Row<'r> {
    row: &'r rusqlite::Row<'r>,
    places: &'r Places,
}

impl<'r> Row<'r> {
    pub(in crate::verify) fn new(row: &'r rusqlite::Row<'r>, places: &'r Places) -> Self {
        Self { row, places }
    }

    pub(super) fn index(self) -> Option<u64> {
        count(self.row, self.places.index?)
    }

    pub(in crate::verify) fn emitter_id(self) -> Option<i64> {
        integer(self.row, self.places.emitter_id?)
    }

    /// The emitter's number, as the database has it.
    pub(super) fn seq(self) -> Option<i64> {
        integer(self.row, self.places.seq?)
    }

    /// The emitter's number.
    pub(in crate::verify) fn number(self) -> Option<u64> {
        count(self.row, self.places.seq?)
    }

    pub(super) fn recorded_ms(self) -> Option<i64> {
        integer(self.row, self.places.recorded_ms?)
    }

    pub(super) fn request_id(self) -> Option<&'r str> {
        borrowed(self.row, self.places.request_id?)
    }

    pub(super) fn request_key(self) -> Option<i64> {
        integer(self.row, self.places.request_key?)
    }

    pub(super) fn mandate(self) -> Option<&'r str> {
        borrowed(self.row, self.places.mandate?)
    }

    pub(super) fn mandate_key(self) -> Option<i64> {
        integer(self.row, self.places.mandate_key?)
    }

    pub(super) fn application(self) -> Option<&'r str> {
        borrowed(self.row, self.places.application?)
    }

    pub(super) fn resource(self) -> Option<&'r str> {
        borrowed(self.row, self.places.resource?)
    }

    pub(super) fn outcome(self) -> Option<&'r str> {
        borrowed(self.row, self.places.outcome?)
    }

    pub(super) fn reason(self) -> Option<&'r str> {
        borrowed(self.row, self.places.reason?)
    }

    pub(super) fn leaf_hash(self) -> &'r [u8] {
        self.places
            .leaf_hash
            .map_or(&[], |place| bytes(self.row, place))
    }

    pub(super) fn body(self) -> &'r [u8] {
        self.places.body.map_or(&[], |place| bytes(self.row, place))
    }
}
