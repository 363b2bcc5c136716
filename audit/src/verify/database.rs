//! The file under suspicion. Any column may hold any type and any bytes.

use std::collections::BTreeSet;
use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Error, OpenFlags, Row, RowIndex};
use url::Url;

use super::report::{Finding, FindingKind, Report};

pub(super) fn open(path: &Path) -> Result<Connection, Error> {
    // A lone copy is opened as immutable: no lock, no side files, not even in a directory that
    // cannot be written. Where a write-ahead log lies beside it, part of the ledger is in there,
    // and an immutable connection would overlook it.
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    let alone = std::fs::metadata(&wal).map_or(true, |wal| wal.len() == 0);
    let unusable = || Error::InvalidPath(path.to_owned());
    let absolute = std::path::absolute(path).map_err(|_| unusable())?;
    let mut file = Url::from_file_path(absolute).map_err(|()| unusable())?;
    if alone {
        file.set_query(Some("immutable=1"));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file.as_str(), flags)?;
    // The schema itself may be hostile: no trigger or view may call what is not harmless.
    connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA query_only = ON")?;
    // One transaction: the ledger may be running, and what is compared must be of one moment.
    connection.execute_batch("BEGIN")?;
    Ok(connection)
}

/// Every zone that any table speaks of.
pub(super) fn zones(connection: &Connection) -> Result<BTreeSet<String>, Error> {
    let mut statement = connection.prepare(
        "SELECT zone FROM log_state UNION SELECT zone FROM log_entries \
         UNION SELECT zone FROM checkpoints",
    )?;
    let zones = statement.query_map([], |row| Ok(text(row, 0)))?;
    zones.filter_map(Result::transpose).collect()
}

/// Reports rows that no zone's verification has seen.
pub(super) fn verify_readable(connection: &Connection, report: &mut Report) {
    let count: Result<i64, _> =
        connection.query_one("SELECT COUNT(*) FROM log_entries", [], |row| row.get(0));
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
pub(super) fn text(row: &Row<'_>, column: impl RowIndex) -> Option<String> {
    borrowed(row, column).map(str::to_owned)
}

/// A text column, if it is one.
pub(super) fn borrowed<'r>(row: &'r Row<'_>, column: impl RowIndex) -> Option<&'r str> {
    row.get_ref(column).ok()?.as_str().ok()
}

/// An integer column, if it is one.
pub(super) fn integer(row: &Row<'_>, column: impl RowIndex) -> Option<i64> {
    row.get_ref(column).ok()?.as_i64().ok()
}

/// A count, if the column is one.
pub(super) fn count(row: &Row<'_>, column: impl RowIndex) -> Option<u64> {
    integer(row, column)?.try_into().ok()
}

/// The bytes of a column of bytes or text; nothing for any other.
pub(super) fn bytes<'r>(row: &'r Row<'_>, column: impl RowIndex) -> &'r [u8] {
    match row.get_ref(column) {
        Ok(ValueRef::Blob(bytes) | ValueRef::Text(bytes)) => bytes,
        _ => &[],
    }
}
