//! Which databases, from the command line.

use std::fmt;

use caracal_store::{DatabaseUrl, DatabaseUrlError};
use clap::Args;

/// The database's place. Kept as the text that was given until it is asked for: what a parser of
/// arguments refuses, it prints, and there may be a password in it.
#[derive(Args)]
pub(crate) struct DatabaseArgs {
    /// Authority database: sqlite:PATH, or `postgres://USER@HOST/DATABASE?sslmode=verify-full`
    /// with the password in PGPASSWORD or ~/.pgpass.
    #[arg(
        long = "database",
        env = "CARACAL_DATABASE_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    url: Option<String>,
}

impl DatabaseArgs {
    /// The place that was given.
    pub(crate) fn given(&self) -> Option<Result<DatabaseUrl, DatabaseUrlError>> {
        self.url.as_deref().map(str::parse)
    }
}

impl fmt::Debug for DatabaseArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseArgs")
    }
}

/// The ledger's place, which may be the same database. Kept as text for the same reason.
#[derive(Args)]
pub(crate) struct LedgerArgs {
    /// Ledger database, written alike.
    #[arg(
        long = "ledger-database",
        env = "CARACAL_LEDGER_DATABASE_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    ledger_url: Option<String>,
}

impl LedgerArgs {
    /// The place that was given.
    pub(crate) fn given(&self) -> Option<Result<DatabaseUrl, DatabaseUrlError>> {
        self.ledger_url.as_deref().map(str::parse)
    }
}

impl fmt::Debug for LedgerArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LedgerArgs")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(url: Option<&str>) -> DatabaseArgs {
        let url = url.map(str::to_owned);
        DatabaseArgs { url }
    }

    #[test]
    fn a_refused_url_is_not_repeated() {
        for url in ["mysql://u:hunter2@h/a", "postgres://u:hunter2@[h/a"] {
            let args = args(Some(url));
            let error = args.given().unwrap().unwrap_err();
            assert!(!format!("{error} {error:?} {args:?}").contains("hunter2"));
        }
    }
}
