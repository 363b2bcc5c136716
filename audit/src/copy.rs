//! A ledger from a server into a file: for the offline verifier, and for safe keeping.

use std::path::Path;

use caracal_store::{Connector, DatabaseUrl};
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::{AnyConnection, Arguments as _, AssertSqlSafe, Connection as _, Row as _};

use crate::ledger::new_file;

/// Entries that are read at once.
const PAGE: i64 = 1000;

/// Why a ledger was not copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// There is something at the place already.
    #[error("the file exists already; nothing was written")]
    Exists,
    /// Either database does not open.
    #[error(transparent)]
    Open(#[from] caracal_store::OpenError),
    /// Reading or writing failed. What the file holds is not whole.
    #[error("the ledger could not be copied")]
    Database(#[from] sqlx::Error),
}

#[derive(Clone, Copy)]
enum Kind {
    Integer,
    Text,
    Bytes,
}

use Kind::{Bytes, Integer, Text};

struct Table {
    name: &'static str,
    columns: &'static [(&'static str, Kind)],
    /// The first columns, which make the primary key.
    key: usize,
}

const TABLES: [Table; 5] = [
    Table {
        name: "log_state",
        columns: &[
            ("zone", Text),
            ("size", Integer),
            ("frontier", Bytes),
            ("root", Bytes),
            ("checkpoint_size", Integer),
        ],
        key: 1,
    },
    Table {
        name: "emitters",
        columns: &[
            ("id", Integer),
            ("peer", Text),
            ("emitter", Text),
            ("boot", Text),
        ],
        key: 1,
    },
    Table {
        name: "log_entries",
        columns: &[
            ("zone", Text),
            ("idx", Integer),
            ("emitter_id", Integer),
            ("seq", Integer),
            ("recorded_ms", Integer),
            ("request_id", Text),
            ("request_key", Integer),
            ("mandate", Text),
            ("mandate_key", Integer),
            ("application", Text),
            ("resource", Text),
            ("outcome", Text),
            ("reason", Text),
            ("leaf_hash", Bytes),
            ("body", Bytes),
        ],
        key: 2,
    },
    Table {
        name: "checkpoints",
        columns: &[
            ("zone", Text),
            ("size", Integer),
            ("note", Text),
            ("frontier", Bytes),
            ("previous_size", Integer),
        ],
        key: 2,
    },
    Table {
        name: "witnessed",
        columns: &[
            ("zone", Text),
            ("size", Integer),
            ("quorum", Integer),
            ("note", Text),
        ],
        key: 3,
    },
];

/// Copies the ledger as it is at one moment into a new file, and returns the number of its entries.
/// The copy proves nothing by itself: [`verify`](crate::verify::verify) it.
pub async fn copy(from: &DatabaseUrl, to: &Path) -> Result<u64, CopyError> {
    if to.exists() {
        return Err(CopyError::Exists);
    }
    let mut source = Connector::new(from)?.first().await?;
    let mut target = new_file(to).await?;
    // What refers to nothing is for the verifier to find: it must not keep a ledger from being looked at.
    sqlx::query("PRAGMA foreign_keys = OFF")
        .execute(&mut target)
        .await?;
    let mut snapshot = source.begin().await?;
    if matches!(from, DatabaseUrl::Postgres(_)) {
        sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            .execute(&mut *snapshot)
            .await?;
    }
    let mut written = target.begin().await?;
    let mut entries = 0;
    for table in &TABLES {
        let rows = table.copy(&mut snapshot, &mut written).await?;
        if table.name == "log_entries" {
            entries = rows;
        }
    }
    snapshot.rollback().await?;
    written.commit().await?;
    target.close().await?;
    Ok(entries)
}

impl Table {
    async fn copy(
        &self,
        source: &mut AnyConnection,
        target: &mut AnyConnection,
    ) -> Result<u64, sqlx::Error> {
        let insert = self.insert();
        let mut copied: u64 = 0;
        let mut last: Option<AnyRow> = None;
        loop {
            let rows = self.page(source, last.as_ref()).await?;
            for row in &rows {
                let values = arguments(row, self.columns)?;
                sqlx::query_with(AssertSqlSafe(insert.clone()), values)
                    .execute(&mut *target)
                    .await?;
                copied = copied.saturating_add(1);
            }
            match rows.into_iter().next_back() {
                Some(row) => last = Some(row),
                None => return Ok(copied),
            }
        }
    }

    /// The rows after `last` in the order of the key.
    async fn page(
        &self,
        source: &mut AnyConnection,
        last: Option<&AnyRow>,
    ) -> Result<Vec<AnyRow>, sqlx::Error> {
        let key = self.columns.get(..self.key).unwrap_or_default();
        let (columns, order) = (names(self.columns), names(key));
        let (after, values) = match last {
            None => (String::new(), AnyArguments::default()),
            Some(row) => (
                format!("WHERE ({order}) > ({})", places(self.key)),
                arguments(row, key)?,
            ),
        };
        let table = self.name;
        let sql = format!("SELECT {columns} FROM {table} {after} ORDER BY {order} LIMIT {PAGE}");
        // Every word of it stands above.
        sqlx::query_with(AssertSqlSafe(sql), values)
            .fetch_all(source)
            .await
    }

    fn insert(&self) -> String {
        let (table, columns) = (self.name, names(self.columns));
        let values = places(self.columns.len());
        format!("INSERT INTO {table} ({columns}) VALUES ({values})")
    }
}

fn names(columns: &[(&str, Kind)]) -> String {
    let names: Vec<_> = columns.iter().map(|(name, _)| *name).collect();
    names.join(", ")
}

fn places(count: usize) -> String {
    let places: Vec<_> = (1..=count).map(|place| format!("${place}")).collect();
    places.join(", ")
}

fn arguments(row: &AnyRow, columns: &[(&str, Kind)]) -> Result<AnyArguments, sqlx::Error> {
    let mut values = AnyArguments::default();
    for (name, kind) in columns {
        match kind {
            Integer => values.add(row.try_get::<Option<i64>, _>(*name)?),
            Text => values.add(row.try_get::<Option<String>, _>(*name)?),
            Bytes => values.add(row.try_get::<Option<Vec<u8>>, _>(*name)?),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(values)
}
