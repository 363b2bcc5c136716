//! What is published: a log as sequencers committed it, read beside them.

use caracal_mandate::name::Name;
use caracal_store::{Connector, DatabaseUrl, OpenError};
use sqlx::{AnyPool, Row as _};

use crate::ledger::{NEWEST_SETTLED, PublishRule, signed, unsigned};
use crate::merkle::Hash;
use crate::tiles::{TilePath, Width};

/// Connections for the publishers of all zones together.
const CONNECTIONS: u32 = 2;

/// The ledger's database, for reading. Cheap to clone.
#[derive(Debug, Clone)]
pub struct LogSource {
    pool: AnyPool,
    /// Where witnesses are asked.
    rule: Option<PublishRule>,
}

/// The newest checkpoints of a log, as notes.
#[derive(Debug)]
pub(super) struct Newest {
    /// The newest that is signed.
    pub(super) signed: String,
    /// The newest that may be published: where witnesses are asked, the newest that they have settled,
    /// which may be an earlier one.
    pub(super) settled: Option<String>,
}

/// Why the log was not read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The database does not work.
    #[error("the ledger database cannot be read")]
    Database(#[from] sqlx::Error),
    /// An entry that was signed is not there, or its hash is none.
    #[error("entry {0} of the log is missing")]
    Missing(u64),
}

impl LogSource {
    /// The database of a ledger that exists; connections are made when they are needed.
    pub fn connect(place: &DatabaseUrl) -> Result<Self, OpenError> {
        let pool = Connector::new(place)?.pool(CONNECTIONS);
        Ok(Self { pool, rule: None })
    }

    /// The same, of a ledger that asks witnesses under this rule: nothing is published that they have
    /// not settled.
    #[must_use]
    pub fn witnessed(mut self, rule: PublishRule) -> Self {
        self.rule = Some(rule);
        self
    }

    /// The zones that have a log and a name that a folder can have.
    pub async fn zones(&self) -> Result<Vec<Name>, SourceError> {
        let zones: Vec<String> = sqlx::query_scalar("SELECT zone FROM log_state ORDER BY zone")
            .fetch_all(&self.pool)
            .await?;
        Ok(zones.iter().filter_map(|zone| zone.parse().ok()).collect())
    }

    /// The newest checkpoint; `None` before the first.
    pub(super) async fn newest(&self, zone: &Name) -> Result<Option<Newest>, SourceError> {
        let signed: Option<String> = sqlx::query_scalar(
            "SELECT note FROM checkpoints WHERE zone = $1 ORDER BY size DESC LIMIT 1",
        )
        .bind(zone.as_str().to_owned())
        .fetch_optional(&self.pool)
        .await?;
        let Some(signed) = signed else {
            return Ok(None);
        };
        let settled = match self.rule {
            None => Some(signed.clone()),
            Some(rule) => {
                sqlx::query_scalar(NEWEST_SETTLED)
                    .bind(zone.as_str().to_owned())
                    .bind(rule.least())
                    .fetch_optional(&self.pool)
                    .await?
            }
        };
        Ok(Some(Newest { signed, settled }))
    }

    /// The stored leaf hashes from `first` up to `end`.
    pub(super) async fn leaf_hashes(
        &self,
        zone: &Name,
        first: u64,
        end: u64,
    ) -> Result<Vec<Hash>, SourceError> {
        let sql = "SELECT idx, leaf_hash AS found FROM log_entries \
            WHERE zone = $1 AND idx >= $2 AND idx < $3 ORDER BY idx";
        let hashes = self.column(sql, zone, first, end).await?;
        let hash = |(hash, index): (Vec<u8>, u64)| {
            Hash::from_bytes(&hash).ok_or(SourceError::Missing(index))
        };
        hashes.into_iter().zip(first..).map(hash).collect()
    }

    /// The entries from `first` up to `end`.
    pub(super) async fn bodies(
        &self,
        zone: &Name,
        first: u64,
        end: u64,
    ) -> Result<Vec<Vec<u8>>, SourceError> {
        let sql = "SELECT idx, body AS found FROM log_entries \
            WHERE zone = $1 AND idx >= $2 AND idx < $3 ORDER BY idx";
        self.column(sql, zone, first, end).await
    }

    async fn column(
        &self,
        sql: &'static str,
        zone: &Name,
        first: u64,
        end: u64,
    ) -> Result<Vec<Vec<u8>>, SourceError> {
        let rows = sqlx::query(sql)
            .bind(zone.as_str().to_owned())
            .bind(signed(first))
            .bind(signed(end))
            .fetch_all(&self.pool)
            .await?;
        let mut rows = rows.iter();
        let mut found = Vec::with_capacity(rows.len());
        for index in first..end {
            let row = rows.next().ok_or(SourceError::Missing(index))?;
            if unsigned(row, "idx")? != index {
                return Err(SourceError::Missing(index));
            }
            found.push(row.try_get("found")?);
        }
        Ok(found)
    }

    /// Widths that a partial file had at checkpoints which were signed since `published`, apart from the
    /// width that it has now.
    pub(super) async fn widths(
        &self,
        zone: &Name,
        path: TilePath,
        published: u64,
    ) -> Result<Vec<Width>, SourceError> {
        let unit = path.kind().span();
        let counts: Vec<i64> = sqlx::query_scalar(
            "SELECT DISTINCT size / $2 FROM checkpoints \
             WHERE zone = $1 AND size > $3 AND size >= $4 AND size < $5",
        )
        .bind(zone.as_str().to_owned())
        .bind(signed(unit))
        .bind(signed(published))
        .bind(signed(path.start().saturating_add(1).saturating_mul(unit)))
        .bind(signed(path.end().saturating_mul(unit)))
        .fetch_all(&self.pool)
        .await?;
        let width = |count: i64| {
            let width = u64::try_from(count).ok()?.checked_sub(path.start())?;
            Width::new(u16::try_from(width).ok()?)
        };
        Ok(counts.into_iter().filter_map(width).collect())
    }
}
