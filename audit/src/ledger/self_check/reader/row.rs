//! Rows as the values that are judged. Nothing here fails: what is not of its type is not what the
//! ledger wrote, and the judgement says so.

use std::borrow::Cow;

use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::record::Series;
use crate::verify::entry::{Entry, NO_TEXT, Stored};
use crate::verify::zone::checkpoints::StoredCheckpoint;

/// An integer column, if it is one.
pub(super) fn integer(row: &AnyRow, column: &str) -> Option<i64> {
    row.try_get(column).ok().flatten()
}

/// A text column; nothing only where it is empty.
pub(super) fn text(row: &AnyRow, column: &str) -> Option<String> {
    row.try_get(column)
        .unwrap_or_else(|_| Some(NO_TEXT.to_owned()))
}

fn count(row: &AnyRow, column: &str) -> Option<u64> {
    integer(row, column).and_then(|value| value.try_into().ok())
}

fn bytes(row: &AnyRow, column: &str) -> Vec<u8> {
    row.try_get::<Option<Vec<u8>>, _>(column)
        .ok()
        .flatten()
        .unwrap_or_default()
}

/// An entry with its emitter.
pub(super) fn entry(row: &AnyRow, zone: &str) -> Entry {
    let series = || {
        Some(Series {
            peer: text(row, "peer")?,
            name: text(row, "emitter")?,
            boot: text(row, "boot")?,
        })
    };
    let series = series();
    let stored = Stored {
        index: count(row, "idx"),
        series: series.as_ref(),
        seq: integer(row, "seq"),
        recorded_ms: integer(row, "recorded_ms"),
        request_id: text(row, "request_id").map(Cow::Owned),
        request_key: integer(row, "request_key"),
        mandate: text(row, "mandate").map(Cow::Owned),
        mandate_key: integer(row, "mandate_key"),
        application: text(row, "application").map(Cow::Owned),
        resource: text(row, "resource").map(Cow::Owned),
        outcome: text(row, "outcome").map(Cow::Owned),
        reason: text(row, "reason").map(Cow::Owned),
        leaf_hash: bytes(row, "leaf_hash").into(),
        body: bytes(row, "body").into(),
    };
    // Always named: there are few.
    Entry::judge(&stored, zone, u64::MAX)
}

/// A checkpoint.
pub(super) fn checkpoint(row: &AnyRow) -> StoredCheckpoint {
    StoredCheckpoint {
        size: count(row, "size").unwrap_or(0),
        previous: count(row, "previous_size"),
        note: text(row, "note"),
        frontier: bytes(row, "frontier"),
    }
}
