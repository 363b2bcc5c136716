//! One entry, by itself.

mod row;

use std::borrow::Cow;

use caracal_mandate::event::{Emitter, is_known_version};

use super::report::{Finding, FindingKind};
use crate::merkle::Hash;
use crate::record::request_key::is_key;
use crate::record::{Columns, Record, Series, Text};
pub(super) use row::{Places, Row};

/// What one row says, and what its body hashes to.
pub(crate) struct Entry {
    pub(super) index: Option<u64>,
    pub(super) computed: Hash,
    pub(super) stored: Option<Hash>,
    /// Why the body cannot be what the ledger wrote, even if its hash agrees.
    unfit: Option<String>,
    /// Columns that differ from the body.
    wrong_columns: Vec<&'static str>,
    // Of an entry that has to be named.
    emitter: Option<Emitter>,
    request_id: Option<String>,
}

/// What a text is taken for that is none: no event has it.
pub(crate) const NO_TEXT: &str = "\u{fffd}";

/// A row of `log_entries` and its emitter, as plain values, from whichever database. Nothing where a
/// column is empty, and [`NO_TEXT`] where it is not of its type.
pub(crate) struct Stored<'a> {
    pub(crate) index: Option<u64>,
    pub(crate) series: Option<&'a Series>,
    pub(crate) seq: Option<i64>,
    pub(crate) recorded_ms: Option<i64>,
    pub(crate) request_id: Option<Cow<'a, str>>,
    pub(crate) request_key: Option<i64>,
    pub(crate) mandate: Option<Cow<'a, str>>,
    pub(crate) mandate_key: Option<i64>,
    pub(crate) application: Option<Cow<'a, str>>,
    pub(crate) resource: Option<Cow<'a, str>>,
    pub(crate) outcome: Option<Cow<'a, str>>,
    pub(crate) reason: Option<Cow<'a, str>>,
    pub(crate) leaf_hash: Cow<'a, [u8]>,
    pub(crate) body: Cow<'a, [u8]>,
}

impl Entry {
    /// What the values say about each other. The entry ought to have an index of at least `expected`.
    pub(crate) fn judge(row: &Stored<'_>, zone: &str, expected: u64) -> Self {
        let record = Record::borrowed(&row.body);
        let wrong_columns = record
            .as_ref()
            .map_or(Vec::new(), |record| differences(row, record));
        let unfit = match &record {
            Err(error) => Some(chain(error)),
            Ok(record) if record.event.zone.as_ref() != zone => Some(format!(
                "it is an event of zone {:?}",
                record.event.zone.as_ref()
            )),
            Ok(record) if !is_known_version(record.event.v) => {
                Some(format!("it has schema version {}", record.event.v))
            }
            Ok(record) if !record.event.is_of_its_version() => Some(format!(
                "it has members that schema version {} had not",
                record.event.v
            )),
            Ok(_) => None,
        };
        let computed = Hash::leaf(&row.body);
        let stored = Hash::from_bytes(&row.leaf_hash);
        // To name a damaged entry, the columns come first: they are copies that the change of a
        // body leaves alone.
        let (emitter, request_id) = match &record {
            Ok(record) if stored == Some(computed) => {
                let Emitter { boot, name, seq } = &record.event.emitter;
                let (boot, name, seq) = (boot.as_ref(), name.as_ref(), *seq);
                let request_id = record.event.request_id.as_ref().map(Text::as_ref);
                (Some(Emitter { boot, name, seq }), request_id)
            }
            _ => (emitter_columns(row), row.request_id.as_deref()),
        };
        let is_named = unfit.is_some()
            || !wrong_columns.is_empty()
            || stored != Some(computed)
            || row.index.is_none_or(|index| index < expected);
        Self {
            index: row.index,
            computed,
            stored,
            unfit,
            wrong_columns,
            emitter: emitter.as_ref().filter(|_| is_named).map(owned),
            request_id: request_id.filter(|_| is_named).map(str::to_owned),
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

fn emitter_columns<'a>(row: &Stored<'a>) -> Option<Emitter<&'a str>> {
    let Series {
        peer: _,
        name,
        boot,
    } = row.series?;
    let seq = row.seq?.try_into().ok()?;
    Some(Emitter { boot, name, seq })
}

fn owned(emitter: &Emitter<&str>) -> Emitter {
    let Emitter { boot, name, seq } = *emitter;
    Emitter {
        boot: boot.to_owned(),
        name: name.to_owned(),
        seq,
    }
}

fn differences(row: &Stored<'_>, record: &Record<Text<'_>>) -> Vec<&'static str> {
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
        (Some(index), Some(id)) => key.is_some_and(|key| is_key(key, index, id)),
        (None, Some(_)) => true,
        (_, None) => key.is_none(),
    };
    [
        ("peer", series.peer == peer.as_ref()),
        ("emitter", series.name == event.emitter.name.as_ref()),
        ("boot", series.boot == event.emitter.boot.as_ref()),
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
