//! One entry, by itself.

mod row;

use caracal_mandate::event::{Emitter, is_known_version};

use super::emitters::Emitters;
use super::report::{Finding, FindingKind};
use crate::merkle::Hash;
use crate::record::request_key::search_key;
use crate::record::{Columns, Record, Series, Text};
pub(super) use row::{Places, Row};

/// What one row says, and what its body hashes to.
pub(super) struct Entry {
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

impl Entry {
    /// Reads a row that ought to have an index of at least `expected`.
    pub(super) fn read(row: Row<'_>, zone: &str, emitters: &Emitters, expected: u64) -> Self {
        let body = row.body();
        let record = Record::borrowed(body);
        let series = row.emitter_id().and_then(|id| emitters.get(id));
        let wrong_columns = record.as_ref().map_or(Vec::new(), |record| {
            differences(found(row, series).as_ref(), record)
        });
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
        let computed = Hash::leaf(body);
        let stored = Hash::from_bytes(row.leaf_hash());
        let by_columns = || (emitter_columns(row, series), row.request_id());
        // To name a damaged entry, the columns come first: they are copies that the change of a
        // body leaves alone.
        let (emitter, request_id) = match &record {
            Ok(record) if stored == Some(computed) => {
                let Emitter { boot, name, seq } = &record.event.emitter;
                let (boot, name, seq) = (boot.as_ref(), name.as_ref(), *seq);
                let request_id = record.event.request_id.as_ref().map(Text::as_ref);
                (Some(Emitter { boot, name, seq }), request_id)
            }
            _ => by_columns(),
        };
        let index = row.index();
        let is_named = unfit.is_some()
            || !wrong_columns.is_empty()
            || stored != Some(computed)
            || index.is_none_or(|index| index < expected);
        Self {
            index,
            computed,
            stored,
            unfit,
            wrong_columns,
            emitter: emitter.filter(|_| is_named).map(owned),
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

fn emitter_columns<'a>(row: Row<'_>, series: Option<&'a Series>) -> Option<Emitter<&'a str>> {
    let Series {
        peer: _,
        name,
        boot,
    } = series?;
    let seq = row.number()?;
    Some(Emitter { boot, name, seq })
}

fn owned(emitter: Emitter<&str>) -> Emitter {
    let Emitter { boot, name, seq } = emitter;
    Emitter {
        boot: boot.to_owned(),
        name: name.to_owned(),
        seq,
    }
}

/// What a row says beside its body.
struct Found<'a> {
    index: Option<u64>,
    series: &'a Series,
    recorded_ms: i64,
    request_key: Option<i64>,
    mandate_key: Option<i64>,
    columns: Columns<&'a str>,
}

/// `None` where a column is empty that must not be, or is about an emitter that is not there.
fn found<'a>(row: Row<'a>, series: Option<&'a Series>) -> Option<Found<'a>> {
    Some(Found {
        index: row.index(),
        series: series?,
        recorded_ms: row.recorded_ms()?,
        request_key: row.request_key(),
        mandate_key: row.mandate_key(),
        columns: Columns {
            seq: row.seq()?,
            request_id: row.request_id(),
            // A file from before there were such columns has no entry that would fill them either.
            mandate: row.mandate(),
            application: row.application(),
            resource: row.resource(),
            outcome: row.outcome()?,
            reason: row.reason(),
        },
    })
}

fn differences(found: Option<&Found<'_>>, record: &Record<Text<'_>>) -> Vec<&'static str> {
    let Some(found) = found else {
        return vec!["one that must not be empty"];
    };
    let Record {
        event,
        peer,
        recorded_ms,
    } = record;
    let Columns {
        seq,
        request_id,
        mandate,
        application,
        resource,
        outcome,
        reason,
    } = &found.columns;
    let expected = Columns::<&str>::of(event);
    // An index that is none is a finding of its own.
    let is_key = |key: Option<i64>, id: Option<&str>| match (found.index, id) {
        (Some(index), Some(id)) => key == Some(search_key(index, id)),
        (None, Some(_)) => true,
        (_, None) => key.is_none(),
    };
    [
        ("peer", found.series.peer == peer.as_ref()),
        ("emitter", found.series.name == event.emitter.name.as_ref()),
        ("boot", found.series.boot == event.emitter.boot.as_ref()),
        ("seq", *seq == expected.seq),
        (
            "recorded_ms",
            Ok(found.recorded_ms) == i64::try_from(*recorded_ms),
        ),
        ("request_id", *request_id == expected.request_id),
        (
            "request_key",
            is_key(found.request_key, expected.request_id),
        ),
        ("mandate", *mandate == expected.mandate),
        ("mandate_key", is_key(found.mandate_key, expected.mandate)),
        ("application", *application == expected.application),
        ("resource", *resource == expected.resource),
        ("outcome", *outcome == expected.outcome),
        ("reason", *reason == expected.reason),
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
