//! The ledger as it is at one moment, page by page.

use std::collections::HashMap;
use std::path::Path;

use caracal_store::{Connector, DatabaseUrl};
use sqlx::any::{AnyConnectOptions, AnyRow};
use sqlx::{Any, AnyConnection, ConnectOptions as _, Connection as _, Row as _, Transaction};
use url::Url;

use super::error::ExportError;
use crate::ledger::{signed, unsigned};
use crate::merkle::{Frontier, Hash};

/// Entries that are read at once: of their bodies, 5 MB at most.
pub(super) const PAGE: u64 = 512;
/// Checkpoints that are read at once.
const CHECKPOINTS: i64 = 256;

/// Opens the database: a file for reading only, and never makes one.
pub(super) async fn open(from: &DatabaseUrl) -> Result<AnyConnection, ExportError> {
    match from {
        DatabaseUrl::Sqlite(path) => open_file(path).await,
        DatabaseUrl::Postgres(_) => Ok(Connector::new(from)?.first().await?),
    }
}

async fn open_file(path: &Path) -> Result<AnyConnection, ExportError> {
    let no_ledger = || ExportError::NoLedger(path.to_owned());
    let path = std::fs::canonicalize(path).map_err(|_| no_ledger())?;
    let url = Url::from_file_path(&path).map_err(|()| no_ledger())?;
    // As the verifier opens it: a lone copy needs no lock and no files beside it.
    let mut wal = path.into_os_string();
    wal.push("-wal");
    let alone = std::fs::metadata(&wal).map_or(true, |wal| wal.len() == 0);
    let url = format!("sqlite://{}?mode=ro&immutable={alone}", url.path());
    let url = Url::parse(&url).map_err(|_| no_ledger())?;
    sqlx::any::install_default_drivers();
    Ok(AnyConnectOptions::from_url(&url)?.connect().await?)
}

/// Everything that is read in the transaction is of one moment.
pub(super) async fn begin<'c>(
    connection: &'c mut AnyConnection,
    from: &DatabaseUrl,
) -> Result<Transaction<'c, Any>, sqlx::Error> {
    let mut snapshot = connection.begin().await?;
    if matches!(from, DatabaseUrl::Postgres(_)) {
        sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            .execute(&mut *snapshot)
            .await?;
    }
    Ok(snapshot)
}

/// The zones that have a log, by name.
pub(super) async fn zones(connection: &mut AnyConnection) -> Result<Vec<String>, sqlx::Error> {
    let mut zones: Vec<String> = sqlx::query_scalar("SELECT zone FROM log_state")
        .fetch_all(connection)
        .await?;
    zones.sort_unstable();
    Ok(zones)
}

/// Entries of a zone, signed or not.
pub(super) async fn log_size(
    connection: &mut AnyConnection,
    zone: &str,
) -> Result<u64, sqlx::Error> {
    let row = sqlx::query("SELECT size FROM log_state WHERE zone = $1")
        .bind(zone.to_owned())
        .fetch_one(connection)
        .await?;
    unsigned(&row, "size")
}

/// Size of the newest checkpoint, 0 without one; or of the first that covers an entry, where it is
/// given, and `None` if no checkpoint does.
pub(super) async fn signed_size(
    connection: &mut AnyConnection,
    zone: &str,
    covers: Option<u64>,
) -> Result<Option<u64>, sqlx::Error> {
    let row = match covers {
        None => {
            sqlx::query("SELECT COALESCE(MAX(size), 0) AS size FROM checkpoints WHERE zone = $1")
                .bind(zone.to_owned())
        }
        Some(index) => sqlx::query(
            "SELECT size FROM checkpoints WHERE zone = $1 AND size > $2 ORDER BY size LIMIT 1",
        )
        .bind(zone.to_owned())
        .bind(signed(index)),
    };
    let row = row.fetch_optional(connection).await?;
    row.map(|row| unsigned(&row, "size")).transpose()
}

/// One stored entry.
pub(super) struct Row {
    pub(super) index: u64,
    pub(super) leaf: Option<Hash>,
    pub(super) body: Vec<u8>,
}

/// The entries from `first` up to `end`, by index, as many as are there.
pub(super) async fn entries(
    connection: &mut AnyConnection,
    zone: &str,
    first: u64,
    end: u64,
) -> Result<Vec<Row>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT idx, leaf_hash, body FROM log_entries \
         WHERE zone = $1 AND idx >= $2 AND idx < $3 ORDER BY idx",
    )
    .bind(zone.to_owned())
    .bind(signed(first))
    .bind(signed(end))
    .fetch_all(connection)
    .await?;
    let read = |row: &AnyRow| {
        // A column of another type is as good as one with other bytes: it does not hash to its leaf.
        let bytes = |column| row.try_get::<Vec<u8>, _>(column).ok();
        Ok(Row {
            index: unsigned(row, "idx")?,
            leaf: bytes("leaf_hash").and_then(|leaf| Hash::from_bytes(&leaf)),
            body: bytes("body").unwrap_or_default(),
        })
    };
    rows.iter().map(read).collect()
}

/// A stored checkpoint.
pub(super) struct Stored {
    pub(super) size: u64,
    /// With cosignatures, where there are.
    pub(super) note: String,
    pub(super) frontier: Option<Frontier>,
}

/// Some checkpoints above `size`, up to `end`, by size.
pub(super) async fn checkpoints(
    connection: &mut AnyConnection,
    zone: &str,
    size: u64,
    end: u64,
) -> Result<Vec<Stored>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT size, note, frontier FROM checkpoints \
         WHERE zone = $1 AND size > $2 AND size <= $3 ORDER BY size LIMIT $4",
    )
    .bind(zone.to_owned())
    .bind(signed(size))
    .bind(signed(end))
    .bind(CHECKPOINTS)
    .fetch_all(&mut *connection)
    .await?;
    let Some(last) = rows.last() else {
        return Ok(Vec::new());
    };
    let mut cosigned = cosigned(connection, zone, size, unsigned(last, "size")?).await?;
    let mut stored = Vec::with_capacity(rows.len());
    for row in &rows {
        let size = unsigned(row, "size")?;
        let frontier: Vec<u8> = row.try_get("frontier")?;
        let note = match cosigned.remove(&size) {
            Some(note) => note,
            None => row.try_get("note")?,
        };
        stored.push(Stored {
            size,
            note,
            frontier: Frontier::from_bytes(size, &frontier).ok(),
        });
    }
    Ok(stored)
}

/// Of each size, the note with the most of a quorum.
async fn cosigned(
    connection: &mut AnyConnection,
    zone: &str,
    size: u64,
    end: u64,
) -> Result<HashMap<u64, String>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT size, note FROM witnessed \
         WHERE zone = $1 AND size > $2 AND size <= $3 ORDER BY size, quorum",
    )
    .bind(zone.to_owned())
    .bind(signed(size))
    .bind(signed(end))
    .fetch_all(connection)
    .await?;
    let read = |row: &AnyRow| Ok((unsigned(row, "size")?, row.try_get("note")?));
    rows.iter().map(read).collect()
}

/// The frontier at `size`, from the nearest one that is stored before it; `None` when an entry in
/// between is missing.
pub(super) async fn frontier(
    connection: &mut AnyConnection,
    zone: &str,
    size: u64,
) -> Result<Option<Frontier>, sqlx::Error> {
    let row = sqlx::query(
        "SELECT size, frontier FROM checkpoints WHERE zone = $1 AND size <= $2 \
         ORDER BY size DESC LIMIT 1",
    )
    .bind(zone.to_owned())
    .bind(signed(size))
    .fetch_optional(&mut *connection)
    .await?;
    let stored = match row {
        None => Some(Frontier::new()),
        Some(row) => {
            let bytes: Vec<u8> = row.try_get("frontier")?;
            Frontier::from_bytes(unsigned(&row, "size")?, &bytes).ok()
        }
    };
    match stored {
        None => Ok(None),
        Some(stored) => crate::ledger::extend(connection, zone, stored, size).await,
    }
}
