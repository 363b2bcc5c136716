//! The entries of a zone, in one of the formats.

use std::path::Path;

use super::error::ExportError;
use super::folder::Lines;
use super::layout::Format;
use super::ocsf::Source;
use super::table::TableWriter;
use crate::merkle::Hash;
use crate::record::Record;

/// One entry. Its bytes are canonical, and hash to `hash`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Leaf<'a> {
    pub(crate) index: u64,
    pub(crate) bytes: &'a [u8],
    pub(crate) hash: Hash,
    pub(crate) record: &'a Record,
}

/// The file of the entries.
pub(super) enum EntryWriter {
    Jsonl(Lines),
    Parquet(Box<TableWriter>),
    Ocsf(Lines, Source),
}

impl EntryWriter {
    /// `origin` is the name of the log.
    pub(super) fn create(format: Format, folder: &Path, origin: &str) -> Result<Self, ExportError> {
        let path = folder.join(format.file());
        Ok(match format {
            Format::Jsonl => Self::Jsonl(Lines::create(path)?),
            Format::Parquet => Self::Parquet(Box::new(TableWriter::create(path)?)),
            Format::Ocsf => Self::Ocsf(Lines::create(path)?, Source::new(origin)),
        })
    }

    pub(super) fn push(&mut self, leaf: &Leaf<'_>) -> Result<(), ExportError> {
        match self {
            Self::Jsonl(lines) => lines.push(leaf.bytes),
            Self::Parquet(table) => table.push(leaf),
            Self::Ocsf(lines, source) => lines.push(source.event(leaf).to_string().as_bytes()),
        }
    }

    /// Makes the file whole and durable.
    pub(super) fn finish(self) -> Result<(), ExportError> {
        match self {
            Self::Jsonl(lines) | Self::Ocsf(lines, _) => lines.finish(),
            Self::Parquet(table) => table.finish(),
        }
    }
}
