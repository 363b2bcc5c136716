//! What is asked of the ledger. Reads use connections of their own and never wait for the writer.

use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::Ledger;
use super::state::unsigned;
use crate::record::Record;

/// The newest checkpoint of a zone that witnesses have settled, with at least so much of a quorum.
pub(crate) const NEWEST_SETTLED: &str = "SELECT note FROM witnessed \
    WHERE zone = $1 AND quorum >= $2 ORDER BY size DESC, quorum DESC LIMIT 1";

/// One entry as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEntry {
    /// Its index in the zone's log.
    pub index: u64,
    /// The record; `None` if the stored body cannot be read, which the verifier will explain.
    pub record: Option<Record>,
    /// The stored leaf bytes.
    pub body: Vec<u8>,
}

/// The ledger could not be read.
#[derive(Debug, thiserror::Error)]
#[error("the ledger cannot be read")]
pub struct ReadError(#[from] pub(super) sqlx::Error);

impl Ledger {
    /// The newest published checkpoint of a zone, as a note; `None` before the first. Where witnesses
    /// are asked it is the newest that they have settled, with their cosignatures.
    pub async fn checkpoint(&self, zone: &str) -> Result<Option<String>, ReadError> {
        let query = match &self.witnessed {
            None => sqlx::query_scalar(
                "SELECT note FROM checkpoints WHERE zone = $1 ORDER BY size DESC LIMIT 1",
            )
            .bind(zone.to_owned()),
            Some(witnessed) => sqlx::query_scalar(NEWEST_SETTLED)
                .bind(zone.to_owned())
                .bind(witnessed.rule().least()),
        };
        Ok(query.fetch_optional(&self.readers).await?)
    }
}

impl StoredEntry {
    /// From a row with `idx` and `body`.
    pub(super) fn of(row: &AnyRow) -> Result<Self, sqlx::Error> {
        let body: Vec<u8> = row.try_get("body")?;
        let record = Record::from_canonical(&body).ok();
        Ok(Self {
            index: unsigned(row, "idx")?,
            record,
            body,
        })
    }
}
