//! The least that can be written of the same events: their bytes under a number, many rows in each
//! statement, one statement in each transaction, as durable as the ledger's. The bytes are made before.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use sqlx::{AssertSqlSafe, SqlSafeStr as _, SqlStr};
use tokio::time::Instant;

use super::database::Database;
use super::events::Source;
use super::rate::Rate;

/// Rows of a statement; those of the ledger's largest.
const BATCH: usize = 256;

/// A table with a key, and nothing else.
pub(super) struct Bare {
    database: Database,
    statement: SqlStr,
    bodies: Vec<Vec<u8>>,
    rows: i64,
}

impl Bare {
    pub(super) async fn new(mut database: Database) -> Result<Self> {
        let bytes = database.bytes();
        database
            .execute(format!(
                "CREATE TABLE bare (id BIGINT NOT NULL PRIMARY KEY, body {bytes} NOT NULL)"
            ))
            .await?;
        let row = |at: usize| format!("(${}, ${})", 2 * at + 1, 2 * at + 2);
        let values = (0..BATCH).map(row).collect::<Vec<_>>().join(", ");
        let values = database.marks(values);
        let statement = format!("INSERT INTO bare (id, body) VALUES {values}");
        let mut source = Source::new(0);
        let bodies = (0..BATCH).map(|_| source.record());
        Ok(Self {
            statement: AssertSqlSafe(Arc::<str>::from(statement)).into_sql_str(),
            database,
            bodies: bodies.collect::<Result<_>>()?,
            rows: 0,
        })
    }

    pub(super) async fn measure(&mut self, span: Duration) -> Result<Rate> {
        let before = self.rows;
        let start = Instant::now();
        while start.elapsed() < span {
            let bodies = self.bodies.iter().cloned();
            let rows = (self.rows..).zip(bodies).collect();
            self.database.insert(self.statement.clone(), rows).await?;
            self.rows += i64::try_from(BATCH)?;
        }
        Ok(Rate {
            rows: u64::try_from(self.rows - before)?,
            time: start.elapsed(),
        })
    }
}
