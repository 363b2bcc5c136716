//! The entries of a zone, from a file of any format.

use std::path::Path;

use serde_json::Value;

use super::files::{Line, Lines};
use crate::export::{Format, Leaf, OcsfSource, TableReader, TableRow};
use crate::merkle::Hash;

/// Longest leaf: C2SP prefixes an entry with 16 bits.
const MAX_LEAF_BYTES: usize = u16::MAX as usize;
/// An event of another schema holds a leaf, which JSON may make six times as long, and as much again.
const MAX_EVENT_BYTES: usize = 8 * MAX_LEAF_BYTES;
/// Entries between two signs of life.
const BATCH: usize = 256;

/// One entry as it stands in the file.
pub(super) struct Item<'a> {
    /// What is said to be the leaf.
    pub(super) leaf: &'a [u8],
    /// What is said to be its hash, in formats that say so.
    pub(super) stored: Option<Hash>,
    /// Why there is no leaf, or a damaged one.
    pub(super) damage: Option<String>,
    /// What stands beside it.
    pub(super) beside: Beside<'a>,
}

/// What stands beside a leaf, to be compared with it.
pub(super) enum Beside<'a> {
    /// Nothing.
    Nothing,
    /// The columns of a table.
    Row(&'a TableRow<'a>),
    /// The line that the leaf stands in, and whose events it is one of.
    Event(&'a [u8], &'a OcsfSource),
}

impl Beside<'_> {
    /// What differs from the leaf, in words.
    pub(super) fn differences(&self, leaf: &Leaf<'_>) -> Vec<String> {
        match self {
            Self::Nothing => Vec::new(),
            Self::Row(row) => {
                let columns = row.differences(leaf.index, leaf.record);
                columns.into_iter().map(str::to_owned).collect()
            }
            Self::Event(line, source) => event_differences(line, &source.event(leaf)),
        }
    }
}

fn event_differences(line: &[u8], expected: &Value) -> Vec<String> {
    if expected.to_string().as_bytes() == line {
        return Vec::new();
    }
    let found: Option<Value> = serde_json::from_slice(line).ok();
    let (Some(Value::Object(found)), Value::Object(expected)) = (found, expected) else {
        return vec!["all".to_owned()];
    };
    let mut names: Vec<String> = expected
        .keys()
        .chain(found.keys().filter(|name| !expected.contains_key(*name)))
        .filter(|name| found.get(*name) != expected.get(*name))
        .cloned()
        .collect();
    if names.is_empty() {
        // The same to one reader of JSON, and perhaps another event to the next.
        names.push("its spelling".to_owned());
    }
    names
}

/// The file.
pub(super) enum Entries {
    Lines(Lines),
    Table(Box<TableReader>),
    Events(Lines, OcsfSource),
}

impl Entries {
    /// Opens the file. `origin` is the name of the zone's log.
    pub(super) fn open(folder: &Path, format: Format, origin: &str) -> Result<Self, String> {
        let path = folder.join(format.file());
        match format {
            Format::Jsonl => Lines::open(&path, MAX_LEAF_BYTES)
                .map(Self::Lines)
                .map_err(|error| error.to_string()),
            Format::Parquet => TableReader::open(&path)
                .map(|table| Self::Table(Box::new(table)))
                .map_err(|error| error.to_string()),
            Format::Ocsf => Lines::open(&path, MAX_EVENT_BYTES)
                .map(|lines| Self::Events(lines, OcsfSource::new(origin)))
                .map_err(|error| error.to_string()),
        }
    }

    /// Hands over the next entries; returns how many, 0 at the end. An error is the end of what can be
    /// read.
    pub(super) fn batch(&mut self, mut take: impl FnMut(&Item<'_>)) -> Result<usize, String> {
        match self {
            Self::Lines(lines) => each(lines, |line| take(&leaf(line))),
            Self::Events(lines, source) => each(lines, |line| event(line, source, &mut take)),
            Self::Table(table) => table
                .batch(|row| {
                    take(&Item {
                        leaf: row.leaf(),
                        stored: row.leaf_hash(),
                        damage: None,
                        beside: Beside::Row(&row),
                    });
                })
                .map_err(|error| error.to_string()),
        }
    }
}

fn each(lines: &mut Lines, mut take: impl FnMut(Line<'_>)) -> Result<usize, String> {
    for taken in 0..BATCH {
        match lines.next().map_err(|error| error.to_string())? {
            Some(line) => take(line),
            None => return Ok(taken),
        }
    }
    Ok(BATCH)
}

fn leaf(line: Line<'_>) -> Item<'_> {
    let cut_off = || "the line has no end: the file was cut off".to_owned();
    Item {
        leaf: line.bytes,
        stored: None,
        damage: (!line.is_whole).then(cut_off),
        beside: Beside::Nothing,
    }
}

fn event(line: Line<'_>, source: &OcsfSource, take: &mut impl FnMut(&Item<'_>)) {
    let read: Result<Value, _> = serde_json::from_slice(line.bytes);
    let member = |place: &str| read.as_ref().ok()?.pointer(place)?.as_str();
    let raw = member("/raw_data");
    let damage = match (&read, raw) {
        _ if !line.is_whole => Some("the line has no end: the file was cut off".to_owned()),
        (Err(error), _) => Some(format!("the line is not JSON: {error}")),
        (Ok(_), None) => Some("the line has no raw_data".to_owned()),
        (Ok(_), Some(_)) => None,
    };
    take(&Item {
        leaf: raw.unwrap_or_default().as_bytes(),
        stored: member("/metadata/uid").and_then(hexadecimal),
        damage,
        beside: Beside::Event(line.bytes, source),
    });
}

fn hexadecimal(text: &str) -> Option<Hash> {
    let mut hash = [0; 32];
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != hash.len() || !rest.is_empty() {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(pairs) {
        let pair = std::str::from_utf8(pair).ok();
        let pair = pair.filter(|pair| pair.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(Hash(hash))
}
