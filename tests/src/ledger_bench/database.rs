//! A database without the ledger, by its own driver, as durable as the ledger's.

use std::path::Path;

use anyhow::Result;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, SqlStr, SqliteConnection,
};

pub(super) enum Database {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Database {
    /// A new file, with the settings of the ledger's.
    pub(super) async fn file(path: &Path) -> Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .page_size(8192)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        Ok(Self::Sqlite(options.connect().await?))
    }

    pub(super) async fn server(url: &str) -> Result<Self> {
        Ok(Self::Postgres(PgConnection::connect(url).await?))
    }

    /// The type of a column of bytes.
    pub(super) const fn bytes(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "BLOB",
            Self::Postgres(_) => "BYTEA",
        }
    }

    /// Values as the driver takes them fastest: it looks names up, and `$1` is one in `SQLite`.
    pub(super) fn marks(&self, statement: String) -> String {
        match self {
            Self::Sqlite(_) => {
                let parts = statement
                    .split('$')
                    .map(|part| part.trim_start_matches(|c: char| c.is_ascii_digit()));
                parts.collect::<Vec<_>>().join("?")
            }
            Self::Postgres(_) => statement,
        }
    }

    pub(super) async fn execute(&mut self, sql: String) -> Result<()> {
        let sql = AssertSqlSafe(sql);
        match self {
            Self::Sqlite(connection) => sqlx::raw_sql(sql).execute(connection).await.map(drop),
            Self::Postgres(connection) => sqlx::raw_sql(sql).execute(connection).await.map(drop),
        }?;
        Ok(())
    }

    /// Runs a statement that takes rows of a number and bytes.
    pub(super) async fn insert(&mut self, sql: SqlStr, rows: Vec<(i64, Vec<u8>)>) -> Result<()> {
        match self {
            Self::Sqlite(connection) => {
                let query = rows
                    .into_iter()
                    .fold(sqlx::query(sql), |query, (id, body)| {
                        query.bind(id).bind(body)
                    });
                query.execute(connection).await.map(drop)
            }
            Self::Postgres(connection) => {
                let query = rows
                    .into_iter()
                    .fold(sqlx::query(sql), |query, (id, body)| {
                        query.bind(id).bind(body)
                    });
                query.execute(connection).await.map(drop)
            }
        }?;
        Ok(())
    }

    /// Writes a row of a chain.
    pub(super) async fn link(&mut self, id: i64, hash: Vec<u8>, body: Vec<u8>) -> Result<()> {
        let sql = "INSERT INTO chain (id, hash, body) VALUES ($1, $2, $3)";
        match self {
            Self::Sqlite(connection) => {
                let query = sqlx::query(sql).bind(id).bind(hash).bind(body);
                query.execute(connection).await.map(drop)
            }
            Self::Postgres(connection) => {
                let query = sqlx::query(sql).bind(id).bind(hash).bind(body);
                query.execute(connection).await.map(drop)
            }
        }?;
        Ok(())
    }

    /// What stands last in a chain.
    pub(super) async fn last_hash(&mut self) -> Result<Option<Vec<u8>>> {
        let sql = "SELECT hash FROM chain ORDER BY id DESC LIMIT 1";
        Ok(match self {
            Self::Sqlite(connection) => sqlx::query_scalar(sql).fetch_optional(connection).await,
            Self::Postgres(connection) => sqlx::query_scalar(sql).fetch_optional(connection).await,
        }?)
    }
}
