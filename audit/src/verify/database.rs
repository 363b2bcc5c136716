//! The file under suspicion. Any column may hold any type and any bytes.

use std::collections::BTreeSet;
use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{ConnectOptions as _, Row as _};

use super::report::{Finding, FindingKind, Report};

pub(super) async fn open(path: &Path) -> Result<SqliteConnection, sqlx::Error> {
    // A lone copy is opened as immutable: no lock, no side files, not even in a directory that
    // cannot be written. Where a write-ahead log lies beside it, part of the ledger is in there,
    // and an immutable connection would overlook it.
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    let alone = std::fs::metadata(&wal).map_or(true, |wal| wal.len() == 0);
    SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .immutable(alone)
        // The schema itself may be hostile: no trigger or view may call what is not harmless.
        .pragma("trusted_schema", "OFF")
        .pragma("query_only", "ON")
        .connect()
        .await
}

/// Every zone that any table speaks of.
pub(super) async fn zones(
    connection: &mut SqliteConnection,
) -> Result<BTreeSet<String>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT zone FROM log_state UNION SELECT zone FROM log_entries \
         UNION SELECT zone FROM checkpoints",
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.iter().filter_map(|row| text(row, "zone")).collect())
}

/// Reports rows that no zone's verification has seen.
pub(super) async fn verify_readable(connection: &mut SqliteConnection, report: &mut Report) {
    let count: Result<i64, _> = sqlx::query_scalar("SELECT COUNT(*) FROM log_entries")
        .fetch_one(connection)
        .await;
    let seen = report
        .zones
        .iter()
        .fold(0_u64, |sum, zone| sum.saturating_add(zone.entries));
    let (what, evidence) = match count.map(u64::try_from) {
        Ok(Ok(count)) if count == seen => return,
        Ok(_) => (
            "there are entries that belong to no readable zone",
            format!("{seen} entries were checked, and the table has another number of rows"),
        ),
        Err(error) => ("the entries cannot be counted", error.to_string()),
    };
    report.push(Finding::tampered(FindingKind::Unreadable, "").says(what, evidence));
}

/// A text column, if it is one.
pub(super) fn text(row: &SqliteRow, column: &str) -> Option<String> {
    row.try_get_unchecked(column).ok().flatten()
}

/// An integer column; anything else reads as `SQLite` casts it.
pub(super) fn integer(row: &SqliteRow, column: &str) -> Option<i64> {
    row.try_get_unchecked(column).ok().flatten()
}

/// A count, if the column is one.
pub(super) fn count(row: &SqliteRow, column: &str) -> Option<u64> {
    integer(row, column).and_then(|value| value.try_into().ok())
}

/// The bytes of a column, whatever its type; nothing for NULL.
pub(super) fn bytes(row: &SqliteRow, column: &str) -> Vec<u8> {
    row.try_get_unchecked::<Option<Vec<u8>>, _>(column)
        .ok()
        .flatten()
        .unwrap_or_default()
}
