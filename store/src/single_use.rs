//! What may be used once, decided where all replicas meet.
//!
//! The database is the arbiter, and not Redis: an id that was taken must stay taken until it is worth
//! nothing, also when Redis comes back empty, and a row of the database does. It costs one insert,
//! without the lock of the log's head, for each client assertion.

use std::time::Duration;

use sqlx::Any;
use sqlx::any::AnyArguments;
use sqlx::query::Query;

use crate::number::signed;
use crate::store::{Dialect, Store};

/// How long an answer may take. Who asks is in the middle of authenticating somebody.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long a use is remembered beyond its end, in seconds. An assertion is judged by the clock of one
/// replica and forgotten by that of another, so this is how far apart clocks may be.
/// `store/postgres/roles.sql` holds the token service to the same.
const KEPT_BEYOND_S: u64 = 3600;

/// Whether something was used cannot be known, so it is not used.
#[derive(Debug, thiserror::Error)]
pub enum UseError {
    /// The database does not answer, or refuses.
    #[error("the authority database could not be asked for a single use")]
    Database(#[from] sqlx::Error),
    /// No answer in time. It may have been taken; nobody else gets it then.
    #[error("the authority database took too long to take a single use")]
    TimedOut,
}

impl Store {
    /// Takes a use, by its digest, that is worth nothing after `until_s`. Of any number of takers, in
    /// any number of processes, exactly one gets it; the others see false.
    pub async fn use_once(&self, used: &[u8; 32], until_s: u64) -> Result<bool, UseError> {
        let query = sqlx::query(
            "INSERT INTO single_use (used, expires) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        );
        let query = query.bind(used.as_slice()).bind(signed(until_s)?);
        Ok(self.run(query).await? == 1)
    }

    /// Forgets what has been worth nothing for long. Returns how much that was.
    pub async fn forget_uses(&self, now_s: u64) -> Result<u64, UseError> {
        let before = now_s.saturating_sub(KEPT_BEYOND_S);
        let query = sqlx::query("DELETE FROM single_use WHERE expires < $1");
        self.run(query.bind(signed(before)?)).await
    }

    async fn run(&self, query: Query<'_, Any, AnyArguments>) -> Result<u64, UseError> {
        // A file has one writer, for whom all wait. On a server nobody waits for anybody here, so not
        // for a commit of this process either.
        let pool = match self.dialect {
            Dialect::Sqlite => &self.writer,
            Dialect::Postgres => &self.readers,
        };
        let attempt = async {
            let mut connection = pool.acquire().await?;
            let running = query.execute(&mut *connection);
            if let Ok(done) = tokio::time::timeout(PATIENCE, running).await {
                return Ok(done?.rows_affected());
            }
            // What it is in the middle of is nobody's business any more.
            connection.close_on_drop();
            Err(UseError::TimedOut)
        };
        let answer = tokio::time::timeout(PATIENCE.saturating_mul(2), attempt).await;
        answer.unwrap_or(Err(UseError::TimedOut))
    }
}
