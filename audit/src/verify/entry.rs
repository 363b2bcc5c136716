//! One entry, by itself.

use caracal_mandate::event::{Emitter, is_known_version};
use sqlx::sqlite::SqliteRow;

use super::database::{bytes, count, integer, text};
use super::emitters::Emitters;
use super::report::{Finding, FindingKind};
use crate::merkle::Hash;
use crate::record::request_key::search_key;
use crate::record::{Columns, Record, Series};

/// What one row says, and what its body hashes to.
pub(crate) struct Entry {
    pub(super) index: Option<u64>,
    pub(super) computed: Hash,
    pub(super) stored: Option<Hash>,
    /// Why the body cannot be what the ledger wrote, even if its hash agrees.
    unfit: Option<String>,
    /// Columns that differ from the body.
    wrong_columns: Vec<&'static str>,
    emitter: Option<Emitter>,
    request_id: Option<String>,
}

/// A row of `log_entries` and its emitter, as plain values, from whichever database. Nothing where a
/// column is empty or not of its type.
pub(crate) struct Stored<'a> {
    pub(crate) index: Option<u64>,
    pub(crate) series: Option<&'a Series>,
    pub(crate) seq: Option<i64>,
    pub(crate) recorded_ms: Option<i64>,
    pub(crate) request_id: Option<String>,
    pub(crate) request_key: Option<i64>,
    pub(crate) mandate: Option<String>,
    pub(crate) mandate_key: Option<i64>,
    pub(crate) application: Option<String>,
    pub(crate) resource: Option<String>,
    pub(crate) outcome: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) leaf_hash: Vec<u8>,
    pub(crate) body: Vec<u8>,
}

impl Entry {
    pub(super) fn read(row: &SqliteRow, zone: &str, emitters: &Emitters) -> Self {
        let stored = Stored {
            index: count(row, "idx"),
            series: integer(row, "emitter_id").and_then(|id| emitters.get(id)),
            seq: integer(row, "seq"),
            recorded_ms: integer(row, "recorded_ms"),
            request_id: text(row, "request_id"),
            request_key: integer(row, "request_key"),
            // A file from before there were such columns has no entry that would fill them either.
            mandate: text(row, "mandate"),
            mandate_key: integer(row, "mandate_key"),
            application: text(row, "application"),
            resource: text(row, "resource"),
            outcome: text(row, "outcome"),
            reason: text(row, "reason"),
            leaf_hash: bytes(row, "leaf_hash"),
            body: bytes(row, "body"),
        };
        Self::judge(stored, zone)
    }

    /// What the values say about each other.
    pub(crate) fn judge(row: Stored<'_>, zone: &str) -> Self {
        let record = Record::from_canonical(&row.body);
        let wrong_columns = record
            .as_ref()
            .map_or(Vec::new(), |record| differences(&row, record));
        let unfit = match &record {
            Err(error) => Some(chain(error)),
            Ok(record) if record.event.zone != zone => {
                Some(format!("it is an event of zone {:?}", record.event.zone))
            }
            Ok(record) if !is_known_version(record.event.v) => {
                Some(format!("it has schema version {}", record.event.v))
            }
            Ok(_) => None,
        };
        let computed = Hash::leaf(&row.body);
        let stored = Hash::from_bytes(&row.leaf_hash);
        // To name a damaged entry, the columns come first: they are copies that the change of a
        // body leaves alone.
        let (emitter, request_id) = match record.ok() {
            Some(record) if stored == Some(computed) => {
                (Some(record.event.emitter), record.event.request_id)
            }
            _ => (emitter_columns(&row), row.request_id),
        };
        Self {
            index: row.index,
            computed,
            stored,
            unfit,
            wrong_columns,
            emitter,
            request_id,
        }
    }

    /// Whether body and leaf hash belong together.
    pub(super) fn agrees(&self) -> bool {
        self.stored == Some(self.computed)
    }

    /// A finding about this entry.
    pub(super) fn finding(&self, kind: FindingKind, zone: &str) -> Finding {
        let finding = Finding::tampered(kind, zone);
        let finding = match self.index {
            Some(index) => finding.at(index),
            None => finding,
        };
        Finding {
            emitter: self.emitter.clone(),
            request_id: self.request_id.clone(),
            ..finding
        }
    }

    /// What is wrong with the entry in itself, given that its body is in the tree.
    pub(super) fn findings(&self, zone: &str) -> Vec<Finding> {
        let mut findings = Vec::new();
        if let Some(unfit) = &self.unfit {
            findings.push(self.finding(FindingKind::Body, zone).says(
                "the body is in the tree, but it is not a record of this log",
                unfit.clone(),
            ));
        }
        if !self.wrong_columns.is_empty() {
            let names = self.wrong_columns.join(", ");
            findings.push(self.finding(FindingKind::Column, zone).says(
                "what is searched is not what was recorded",
                format!("columns that differ from the body: {names}"),
            ));
        }
        findings
    }

    /// How a body that does not belong to its hash looks.
    pub(super) fn body_text(&self) -> String {
        self.unfit.as_ref().map_or_else(
            || "the body still reads as a record".to_owned(),
            |unfit| format!("the body does not read as a record: {unfit}"),
        )
    }
}

fn emitter_columns(row: &Stored<'_>) -> Option<Emitter> {
    let Series {
        peer: _,
        name,
        boot,
    } = row.series?.clone();
    let seq = row.seq?.try_into().ok()?;
    Some(Emitter { boot, name, seq })
}

fn differences(row: &Stored<'_>, record: &Record) -> Vec<&'static str> {
    // Those that must not be empty, or are about an emitter that is not there.
    let (Some(series), Some(recorded), Some(seq), Some(outcome)) =
        (row.series, row.recorded_ms, row.seq, &row.outcome)
    else {
        return vec!["one that must not be empty"];
    };
    let Record {
        event,
        peer,
        recorded_ms,
    } = record;
    let expected = Columns::<&str>::of(event);
    // An index that is none is a finding of its own.
    let is_key = |key: Option<i64>, id: Option<&str>| match (row.index, id) {
        (Some(index), Some(id)) => key == Some(search_key(index, id)),
        (None, Some(_)) => true,
        (_, None) => key.is_none(),
    };
    [
        ("peer", series.peer == *peer),
        ("emitter", series.name == event.emitter.name),
        ("boot", series.boot == event.emitter.boot),
        ("seq", seq == expected.seq),
        ("recorded_ms", Ok(recorded) == i64::try_from(*recorded_ms)),
        (
            "request_id",
            row.request_id.as_deref() == expected.request_id,
        ),
        ("request_key", is_key(row.request_key, expected.request_id)),
        ("mandate", row.mandate.as_deref() == expected.mandate),
        ("mandate_key", is_key(row.mandate_key, expected.mandate)),
        (
            "application",
            row.application.as_deref() == expected.application,
        ),
        ("resource", row.resource.as_deref() == expected.resource),
        ("outcome", outcome == expected.outcome),
        ("reason", row.reason.as_deref() == expected.reason),
    ]
    .into_iter()
    .filter_map(|(name, same)| (!same).then_some(name))
    .collect()
}

fn chain(error: &crate::record::RecordError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
