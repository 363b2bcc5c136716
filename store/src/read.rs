//! Reading, within bounded time.

use std::time::Duration;

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::QueryAs;
use sqlx::{Any, FromRow};

use crate::number::unsigned;
use crate::store::Store;

/// How long an answer may take. Behind a connection that hangs, the next one may work.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why nothing could be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The database does not answer, or a row is not of the written form.
    #[error("the authority database could not be read")]
    Database(#[from] sqlx::Error),
    /// No answer in time.
    #[error("the authority database took too long to answer")]
    TimedOut,
    /// The log is another one than when this process started: a backup was put back.
    #[error(
        "the authority log has term {found} and this process follows term {expected}: restart it"
    )]
    Replaced {
        /// The term when the process started.
        expected: u64,
        /// The term now.
        found: u64,
    },
}

type Query<'q, T> = QueryAs<'q, Any, T, AnyArguments>;

impl Store {
    /// The highest committed position, read now and where it is written.
    pub async fn head(&self) -> Result<u64, ReadError> {
        let query = sqlx::query_as("SELECT term, head FROM meta");
        let (term, head): (i64, i64) = self
            .fetch_optional(query)
            .await?
            .ok_or(sqlx::Error::RowNotFound)?;
        let (expected, found) = (self.term, unsigned(term)?);
        if found != expected {
            return Err(ReadError::Replaced { expected, found });
        }
        Ok(unsigned(head)?)
    }

    pub(crate) async fn fetch_all<T>(&self, query: Query<'_, T>) -> Result<Vec<T>, ReadError>
    where
        T: for<'r> FromRow<'r, AnyRow> + Send + Unpin,
    {
        let mut connection = self.readers.acquire().await?;
        let answer = tokio::time::timeout(PATIENCE, query.fetch_all(&mut *connection)).await;
        if let Ok(answer) = answer {
            return Ok(answer?);
        }
        connection.close_on_drop();
        Err(ReadError::TimedOut)
    }

    pub(crate) async fn fetch_optional<T>(
        &self,
        query: Query<'_, T>,
    ) -> Result<Option<T>, ReadError>
    where
        T: for<'r> FromRow<'r, AnyRow> + Send + Unpin,
    {
        Ok(self.fetch_all(query).await?.into_iter().next())
    }
}
