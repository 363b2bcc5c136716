//! The reading of `entries.parquet`, whoever wrote it.

use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use parquet::column::reader::ColumnReader;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader as _, SerializedFileReader};

use super::super::columns::{COLUMNS, Cell, Column, Kind, WIDTH, row};
use super::super::writer::Leaf;
use super::data::Data;
use super::schema;
use crate::merkle::Hash;
use crate::record::Record;

/// Rows that are held at once.
const BATCH: usize = 256;

/// Why a file is no table of entries, or no longer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnreadableTable {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("it is not Parquet that can be read: {0}")]
    Parquet(#[from] ParquetError),
    #[error("it has other columns than an export has")]
    Schema,
    #[error("its bytes lead the reader of Parquet to a contradiction")]
    Contradiction,
}

/// One row.
pub(crate) struct TableRow<'a>([Cell<'a>; WIDTH]);

/// The rows of a table, in order.
pub(crate) struct TableReader {
    file: SerializedFileReader<File>,
    group: usize,
    /// Rows of the group at hand that were not read.
    left: usize,
    readers: Vec<ColumnReader>,
    data: Vec<Data>,
}

impl TableReader {
    pub(crate) fn open(path: &Path) -> Result<Self, UnreadableTable> {
        let file = File::open(path)?;
        let file = guarded(|| Ok(SerializedFileReader::new(file)?))?;
        let found = file.metadata().file_metadata().schema_descr();
        let expected = schema()?;
        let same = found.root_schema().get_fields() == expected.get_fields();
        if !same {
            return Err(UnreadableTable::Schema);
        }
        Ok(Self {
            file,
            group: 0,
            left: 0,
            readers: Vec::new(),
            data: COLUMNS.iter().map(Data::of).collect(),
        })
    }

    /// Reads some rows and hands them over, in order. Returns how many: 0 at the end.
    pub(crate) fn batch(
        &mut self,
        mut take: impl FnMut(TableRow<'_>),
    ) -> Result<usize, UnreadableTable> {
        let rows = guarded(|| self.fill())?;
        let mut columns: Vec<_> = self.data.iter().map(Data::cells).collect();
        for _ in 0..rows {
            let mut cells = [Cell::Number(None); WIDTH];
            for (cell, column) in cells.iter_mut().zip(&mut columns) {
                *cell = column.next().ok_or(UnreadableTable::Contradiction)?;
            }
            take(TableRow(cells));
        }
        Ok(rows)
    }

    fn fill(&mut self) -> Result<usize, UnreadableTable> {
        while self.left == 0 {
            if self.group >= self.file.num_row_groups() {
                return Ok(0);
            }
            let group = self.file.get_row_group(self.group)?;
            let rows = group.metadata().num_rows();
            self.left = usize::try_from(rows).map_err(|_| UnreadableTable::Contradiction)?;
            let readers = (0..WIDTH).map(|column| group.get_column_reader(column));
            self.readers = readers.collect::<Result<_, _>>()?;
            self.group = self.group.saturating_add(1);
        }
        let rows = self.left.min(BATCH);
        for (data, reader) in self.data.iter_mut().zip(&mut self.readers) {
            data.read(reader, rows)?;
        }
        self.left = self.left.saturating_sub(rows);
        Ok(rows)
    }
}

/// The library is made for files of friends. Where a hostile one makes it panic, the file is unreadable
/// and no more.
fn guarded<T>(read: impl FnOnce() -> Result<T, UnreadableTable>) -> Result<T, UnreadableTable> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or(Err(UnreadableTable::Contradiction))
}

impl TableRow<'_> {
    /// The leaf bytes.
    pub(crate) fn leaf(&self) -> &[u8] {
        let leaf = self.named("leaf");
        if let Some(Cell::Text(Some(leaf))) = leaf {
            leaf
        } else {
            &[]
        }
    }

    /// The leaf hash that is said to be that of the leaf.
    pub(crate) fn leaf_hash(&self) -> Option<Hash> {
        match self.named("leaf_hash") {
            Some(Cell::Hash(hash)) => Hash::from_bytes(hash),
            _ => None,
        }
    }

    fn named(&self, name: &str) -> Option<Cell<'_>> {
        let mut columns = COLUMNS.iter().zip(&self.0);
        let found = columns.find(|(column, _)| column.name == name);
        found.map(|(_, cell)| *cell)
    }

    /// The columns that do not say what the leaf says. Its hash is looked at apart.
    pub(crate) fn differences(&self, index: u64, record: &Record) -> Vec<&'static str> {
        let hash = Hash([0; 32]);
        let expected = Leaf {
            index,
            bytes: self.leaf(),
            hash,
            record,
        };
        let expected = row(&expected, &hash.0);
        let columns = COLUMNS.iter().zip(self.0.iter().zip(&expected));
        let differ = columns
            .filter(|(column, (found, expected))| column.kind != Kind::Hash && found != expected);
        differ.map(|(Column { name, .. }, _)| *name).collect()
    }
}
