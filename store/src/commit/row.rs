//! Whether a row is there.

use super::{CommitError, exists, missing};
use crate::store::Connection;

/// Whether `sql` finds a row for `keys`.
async fn is_there(
    connection: &mut Connection,
    sql: &'static str,
    keys: &[&str],
) -> Result<bool, CommitError> {
    let query = keys
        .iter()
        .fold(sqlx::query(sql), |query, key| query.bind((*key).to_owned()));
    Ok(query.fetch_optional(connection).await?.is_some())
}

/// Refuses what is there already; the last key names it.
pub(super) async fn must_be_new(
    connection: &mut Connection,
    sql: &'static str,
    keys: &[&str],
    kind: &'static str,
) -> Result<(), CommitError> {
    if is_there(connection, sql, keys).await? {
        return Err(exists(kind, keys.last().copied().unwrap_or_default()));
    }
    Ok(())
}

/// Refuses what is not there; the last key names it.
pub(super) async fn must_exist(
    connection: &mut Connection,
    sql: &'static str,
    keys: &[&str],
    kind: &'static str,
) -> Result<(), CommitError> {
    if is_there(connection, sql, keys).await? {
        return Ok(());
    }
    Err(missing(kind, keys.last().copied().unwrap_or_default()))
}
