//! The values of one column, as Parquet takes and gives them: those that are there, and for each row
//! whether it is.

use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::{ByteArray, DataType, FixedLenByteArray};
use parquet::errors::{ParquetError, Result};

use super::super::columns::{Cell, Column, Kind};

/// Values of one type. A column in which every row has one needs no `levels`.
#[derive(Debug)]
pub(super) struct Values<T> {
    values: Vec<T>,
    levels: Option<Vec<i16>>,
}

/// The values of a column.
#[derive(Debug)]
pub(super) enum Data {
    Numbers(Values<i64>),
    Flags(Values<bool>),
    Texts(Values<ByteArray>),
    Hashes(Values<FixedLenByteArray>),
}

impl<T> Values<T> {
    const fn new(required: bool) -> Self {
        let levels = if required { None } else { Some(Vec::new()) };
        Self {
            values: Vec::new(),
            levels,
        }
    }

    fn push(&mut self, value: Option<T>) {
        if let Some(levels) = &mut self.levels {
            levels.push(i16::from(value.is_some()));
        }
        self.values.extend(value);
    }

    fn write<W>(&mut self, mut write: impl FnMut(&[T], Option<&[i16]>) -> Result<W>) -> Result<()> {
        write(&self.values, self.levels.as_deref())?;
        self.values.clear();
        if let Some(levels) = &mut self.levels {
            levels.clear();
        }
        Ok(())
    }

    /// Reads the values of exactly so many rows.
    fn read<D: DataType<T = T>>(
        &mut self,
        reader: &mut ColumnReaderImpl<D>,
        rows: usize,
    ) -> Result<()> {
        self.values.clear();
        if let Some(levels) = &mut self.levels {
            levels.clear();
        }
        let mut read = 0_usize;
        while read < rows {
            let rest = rows.saturating_sub(read);
            let (more, _, _) =
                reader.read_records(rest, self.levels.as_mut(), None, &mut self.values)?;
            if more == 0 {
                return Err(ParquetError::General("a column is too short".to_owned()));
            }
            read = read.saturating_add(more);
        }
        let there = self.levels.as_ref().map_or(rows, |levels| {
            levels.iter().filter(|level| **level > 0).count()
        });
        let rows_are_told = self
            .levels
            .as_ref()
            .is_none_or(|levels| levels.len() == rows);
        if rows_are_told && self.values.len() == there {
            Ok(())
        } else {
            let what = "a column has another number of values than of rows";
            Err(ParquetError::General(what.to_owned()))
        }
    }

    /// Goes through the rows.
    fn rows(&self) -> impl Iterator<Item = Option<&T>> {
        let mut values = self.values.iter();
        let mut levels = self.levels.as_ref().map(|levels| levels.iter());
        std::iter::from_fn(move || match &mut levels {
            None => values.next().map(Some),
            Some(levels) => match levels.next()? {
                0 => Some(None),
                _ => values.next().map(Some),
            },
        })
    }
}

impl Data {
    pub(super) const fn of(column: &Column) -> Self {
        match column.kind {
            Kind::Number | Kind::Time => Self::Numbers(Values::new(column.required)),
            Kind::Flag => Self::Flags(Values::new(column.required)),
            Kind::Text => Self::Texts(Values::new(column.required)),
            Kind::Hash => Self::Hashes(Values::new(column.required)),
        }
    }

    /// The value of one more row; a cell of another kind would be a mistake of ours, and is nothing.
    pub(super) fn push(&mut self, cell: Cell<'_>) {
        match (self, cell) {
            (Self::Numbers(data), Cell::Number(value)) => data.push(value),
            (Self::Flags(data), Cell::Flag(value)) => data.push(Some(value)),
            (Self::Texts(data), Cell::Text(value)) => {
                data.push(value.map(|value| ByteArray::from(value.to_vec())));
            }
            (Self::Hashes(data), Cell::Hash(value)) => {
                data.push(Some(ByteArray::from(value.to_vec()).into()));
            }
            (Self::Numbers(_) | Self::Flags(_) | Self::Texts(_) | Self::Hashes(_), _) => {}
        }
    }

    /// Writes the values and forgets them.
    pub(super) fn write(&mut self, writer: &mut ColumnWriter<'_>) -> Result<()> {
        use ColumnWriter as Writer;
        match (self, writer) {
            (Self::Numbers(data), Writer::Int64ColumnWriter(writer)) => {
                data.write(|values, levels| writer.write_batch(values, levels, None))
            }
            (Self::Flags(data), Writer::BoolColumnWriter(writer)) => {
                data.write(|values, levels| writer.write_batch(values, levels, None))
            }
            (Self::Texts(data), Writer::ByteArrayColumnWriter(writer)) => {
                data.write(|values, levels| writer.write_batch(values, levels, None))
            }
            (Self::Hashes(data), Writer::FixedLenByteArrayColumnWriter(writer)) => {
                data.write(|values, levels| writer.write_batch(values, levels, None))
            }
            _ => Err(other_type()),
        }
    }

    /// Reads the values of the next rows.
    pub(super) fn read(&mut self, reader: &mut ColumnReader, rows: usize) -> Result<()> {
        use ColumnReader as Reader;
        match (self, reader) {
            (Self::Numbers(data), Reader::Int64ColumnReader(reader)) => data.read(reader, rows),
            (Self::Flags(data), Reader::BoolColumnReader(reader)) => data.read(reader, rows),
            (Self::Texts(data), Reader::ByteArrayColumnReader(reader)) => data.read(reader, rows),
            (Self::Hashes(data), Reader::FixedLenByteArrayColumnReader(reader)) => {
                data.read(reader, rows)
            }
            _ => Err(other_type()),
        }
    }

    /// The values, row by row.
    pub(super) fn cells(&self) -> Box<dyn Iterator<Item = Cell<'_>> + '_> {
        match self {
            Self::Numbers(data) => Box::new(data.rows().map(|value| Cell::Number(value.copied()))),
            Self::Flags(data) => {
                Box::new(data.rows().map(|value| Cell::Flag(value == Some(&true))))
            }
            Self::Texts(data) => Box::new(
                data.rows()
                    .map(|value| Cell::Text(value.map(ByteArray::data))),
            ),
            Self::Hashes(data) => Box::new(
                data.rows()
                    .map(|value| Cell::Hash(value.map_or(&[], |value| value.data()))),
            ),
        }
    }
}

fn other_type() -> ParquetError {
    ParquetError::General("a column has another type".to_owned())
}
