//! `entries.parquet`: written a row group at a time.

mod data;
mod read;

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::{ColumnPath, TypePtr};

use super::columns::{COLUMNS, Column, Kind, row};
use super::error::ExportError;
use super::writer::Leaf;
use data::Data;

pub(crate) use read::{TableReader, TableRow};

/// Rows of a row group: some 10 MB that are held until it is written.
const GROUP: usize = 8192;

/// The schema in Parquet's own text form.
fn schema() -> Result<TypePtr, ParquetError> {
    let fields: String = COLUMNS.iter().map(field).collect();
    let message = format!("message entries {{ {fields} }}");
    Ok(Arc::new(parse_message_type(&message)?))
}

fn field(column: &Column) -> String {
    let Column {
        name,
        kind,
        required,
    } = column;
    let presence = if *required { "REQUIRED" } else { "OPTIONAL" };
    match kind {
        Kind::Number => format!("{presence} INT64 {name}; "),
        Kind::Time => format!("{presence} INT64 {name} (TIMESTAMP(MILLIS,true)); "),
        Kind::Flag => format!("{presence} BOOLEAN {name}; "),
        Kind::Text => format!("{presence} BYTE_ARRAY {name} (STRING); "),
        Kind::Hash => format!("{presence} FIXED_LEN_BYTE_ARRAY(32) {name}; "),
    }
}

/// The file, and the rows that wait for their group.
pub(super) struct TableWriter {
    path: PathBuf,
    file: SerializedFileWriter<File>,
    data: Vec<Data>,
    rows: usize,
}

impl TableWriter {
    pub(super) fn create(path: PathBuf) -> Result<Self, ExportError> {
        let failed = |source| ExportError::write(&path)(source);
        let file = File::create_new(&path).map_err(failed)?;
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by("caracal".to_owned());
        // Each differs from every other: neither a dictionary nor a range tells anything.
        for unique in ["leaf", "leaf_hash"] {
            let unique = ColumnPath::from(unique);
            properties = properties
                .set_column_dictionary_enabled(unique.clone(), false)
                .set_column_statistics_enabled(unique, EnabledStatistics::None);
        }
        let opened = schema()
            .and_then(|schema| SerializedFileWriter::new(file, schema, properties.build().into()));
        let file = opened.map_err(|error| failed(io::Error::other(error)))?;
        Ok(Self {
            path,
            file,
            data: COLUMNS.iter().map(Data::of).collect(),
            rows: 0,
        })
    }

    pub(super) fn push(&mut self, leaf: &Leaf<'_>) -> Result<(), ExportError> {
        let cells = row(leaf, &leaf.hash.0);
        for (data, cell) in self.data.iter_mut().zip(cells) {
            data.push(cell);
        }
        self.rows = self.rows.saturating_add(1);
        if self.rows >= GROUP {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), ExportError> {
        if self.rows == 0 {
            return Ok(());
        }
        self.rows = 0;
        let written = write_group(&mut self.file, &mut self.data);
        written.map_err(|error| ExportError::write(&self.path)(io::Error::other(error)))
    }

    pub(super) fn finish(mut self) -> Result<(), ExportError> {
        self.flush()?;
        let failed = ExportError::write(&self.path);
        let file = self.file.into_inner().map_err(io::Error::other);
        file.and_then(|file| file.sync_all()).map_err(failed)
    }
}

fn write_group(
    file: &mut SerializedFileWriter<File>,
    data: &mut [Data],
) -> Result<(), ParquetError> {
    let mut group = file.next_row_group()?;
    for data in data {
        let Some(mut column) = group.next_column()? else {
            break;
        };
        data.write(column.untyped())?;
        column.close()?;
    }
    group.close().map(|_| ())
}

/// A table of any rows.
#[cfg(test)]
pub(crate) fn write_table<'a>(
    path: PathBuf,
    leaves: impl Iterator<Item = Leaf<'a>>,
) -> Result<(), ExportError> {
    let mut table = TableWriter::create(path)?;
    for leaf in leaves {
        table.push(&leaf)?;
    }
    table.finish()
}
