//! Damage, told apart from a database that is away.

use caracal_store::OpenError;

use crate::causes::with_causes;

/// Why something was not read.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum Fault {
    /// It cannot be what the ledger wrote: a value of another type, a table that is gone, a page that
    /// the database itself calls damaged.
    #[error("{0}")]
    Damaged(String),
    /// The database does not answer, or not this process. It says nothing about what is in it.
    #[error("{0}")]
    Away(String),
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        let damaged = match &error {
            sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::Decode(_)
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::AnyDriverError(_) => true,
            sqlx::Error::Database(error) => error.code().is_some_and(|code| is_damage(&code)),
            _ => false,
        };
        let text = with_causes(&error);
        if damaged {
            Self::Damaged(text)
        } else {
            Self::Away(text)
        }
    }
}

impl From<OpenError> for Fault {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Database(error) => error.into(),
            other => Self::Away(with_causes(&other)),
        }
    }
}

/// Codes of `SQLite` are numbers with the kind in their lowest byte, those of `PostgreSQL` five
/// characters with the class in the first two.
fn is_damage(code: &str) -> bool {
    const SQLITE_ERROR: u32 = 1; // the statements are right, so the tables are not
    const SQLITE_CORRUPT: u32 = 11;
    const SQLITE_NOTADB: u32 = 26;
    match code.len() {
        5 => {
            code.starts_with("XX00") && code != "XX000" // data or index corrupted
                || code == "42P01" // no such table
                || code == "42703" // no such column
        }
        _ => code
            .parse::<u32>()
            .is_ok_and(|code| matches!(code & 0xff, SQLITE_ERROR | SQLITE_CORRUPT | SQLITE_NOTADB)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_told_from_a_database_that_is_away() {
        for (code, expected) in [
            ("1", true),     // no such table
            ("11", true),    // malformed
            ("267", true),   // the same, of a virtual table
            ("26", true),    // not a database
            ("5", false),    // busy
            ("10", false),   // the disk
            ("14", false),   // cannot open
            ("XX001", true), // data corrupted
            ("XX002", true), // index corrupted
            ("XX000", false),
            ("42P01", true),
            ("42703", true),
            ("42501", false), // no right to read
            ("57014", false), // took too long
            ("53300", false), // too many connections
        ] {
            assert_eq!(is_damage(code), expected, "{code}");
        }
    }
}
