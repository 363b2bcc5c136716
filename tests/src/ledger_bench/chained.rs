//! A chain of hashes: each row holds the hash of the one before it and of its own bytes, so that rows can
//! only be written one after the other, each in a transaction, by whoever holds the lock.

use std::time::Duration;

use anyhow::Result;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::database::Database;
use super::events::Source;
use super::rate::Rate;

pub(super) struct Chained {
    database: Database,
    source: Source,
    rows: i64,
}

impl Chained {
    pub(super) async fn new(mut database: Database) -> Result<Self> {
        let bytes = database.bytes();
        let columns =
            format!("id BIGINT NOT NULL PRIMARY KEY, hash {bytes} NOT NULL, body {bytes} NOT NULL");
        database
            .execute(format!("CREATE TABLE chain ({columns})"))
            .await?;
        Ok(Self {
            database,
            source: Source::new(0),
            rows: 0,
        })
    }

    pub(super) async fn measure(&mut self, span: Duration) -> Result<Rate> {
        let before = self.rows;
        let start = Instant::now();
        while start.elapsed() < span {
            self.append().await?;
        }
        Ok(Rate {
            rows: u64::try_from(self.rows - before)?,
            time: start.elapsed(),
        })
    }

    async fn append(&mut self) -> Result<()> {
        let body = self.source.record()?;
        let begin = match &self.database {
            Database::Sqlite(_) => "BEGIN IMMEDIATE",
            Database::Postgres(_) => "BEGIN; SELECT pg_advisory_xact_lock(1)",
        };
        self.database.execute(begin.to_owned()).await?;
        let previous = self.database.last_hash().await?.unwrap_or_default();
        let hash = Sha256::new()
            .chain_update(previous)
            .chain_update(&body)
            .finalize();
        self.rows += 1;
        self.database.link(self.rows, hash.to_vec(), body).await?;
        self.database.execute("COMMIT".to_owned()).await
    }
}
