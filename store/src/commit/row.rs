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

/// Whether a text is an id of a kind: its prefix, and characters of base64url.
pub(super) fn is_id(prefix: &str, id: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    id.strip_prefix(prefix)
        .is_some_and(|rest| (1..=64).contains(&rest.len()) && rest.bytes().all(legal))
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
