//! What is asked of the ledger. Reads use connections of their own and never wait for the writer.

use caracal_mandate::event::Outcome;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite};

use super::Ledger;
use super::state::{signed, unsigned};
use crate::record::request_key::{SEGMENT, STRIDE, request_key};
use crate::record::{Record, outcome_text};

/// Most entries of one answer.
pub const MAX_LIST: u32 = 1000;

/// Which entries are asked for. Absent filters match everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// The zone; there is no listing across zones.
    pub zone: String,
    /// Exactly this request id.
    pub request_id: Option<String>,
    /// Exactly this application.
    pub application: Option<String>,
    /// Exactly this resource.
    pub resource: Option<String>,
    /// This outcome.
    pub outcome: Option<Outcome>,
    /// Reasons that start so: `invalid_mandate` finds `invalid_mandate.expired`.
    pub reason_prefix: Option<String>,
    /// Only entries below this index: the last index of the page before.
    pub before: Option<u64>,
    /// Most entries to return; 0 and anything above [`MAX_LIST`] mean that.
    pub limit: u32,
}

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
pub struct ReadError(#[from] sqlx::Error);

impl Ledger {
    /// Entries of one zone, newest first.
    pub async fn list(&self, query: ListQuery) -> Result<Vec<StoredEntry>, ReadError> {
        let ListQuery {
            zone,
            request_id,
            application,
            resource,
            outcome,
            reason_prefix,
            before,
            limit,
        } = query;
        let mut sql = match request_id {
            Some(request_id) => by_request(&zone, request_id),
            None => QueryBuilder::new("SELECT idx, body FROM log_entries WHERE TRUE"),
        };
        sql.push(" AND zone = ").push_bind(zone);
        if let Some(application) = application {
            sql.push(" AND application = ").push_bind(application);
        }
        if let Some(resource) = resource {
            sql.push(" AND resource = ").push_bind(resource);
        }
        if let Some(outcome) = outcome {
            sql.push(" AND outcome = ").push_bind(outcome_text(outcome));
        }
        if let Some(prefix) = reason_prefix {
            // Not LIKE: a percent sign of the caller's is a percent sign.
            sql.push(" AND substr(reason, 1, length(")
                .push_bind(prefix.clone());
            sql.push(")) = ").push_bind(prefix);
        }
        if let Some(before) = before {
            sql.push(" AND idx < ").push_bind(signed(before));
        }
        let limit = if limit == 0 {
            MAX_LIST
        } else {
            limit.min(MAX_LIST)
        };
        sql.push(" ORDER BY idx DESC LIMIT ")
            .push_bind(i64::from(limit));
        let rows = sql.build().fetch_all(&self.readers).await?;
        Ok(rows.iter().map(entry).collect::<Result<_, _>>()?)
    }

    /// The newest signed checkpoint of a zone, as a note; `None` before the first.
    pub async fn checkpoint(&self, zone: &str) -> Result<Option<String>, ReadError> {
        let note = sqlx::query_scalar(
            "SELECT note FROM checkpoints WHERE zone = $1 ORDER BY size DESC LIMIT 1",
        )
        .bind(zone)
        .fetch_optional(&self.readers)
        .await?;
        Ok(note)
    }
}

/// Looks into every segment of the index over request ids, see [`request_key`].
fn by_request(zone: &str, request_id: String) -> QueryBuilder<Sqlite> {
    let mut sql = QueryBuilder::new("WITH RECURSIVE segment (key) AS (SELECT size / ");
    sql.push_bind(signed(SEGMENT))
        .push(" * ")
        .push_bind(STRIDE)
        .push(" + ")
        .push_bind(request_key(0, &request_id))
        .push(" FROM log_state WHERE zone = ")
        .push_bind(zone.to_owned())
        .push(" UNION ALL SELECT key - ")
        .push_bind(STRIDE)
        .push(" FROM segment WHERE key >= ")
        .push_bind(STRIDE)
        .push(
            ") SELECT idx, body FROM segment CROSS JOIN log_entries INDEXED BY log_entries_request \
             ON request_key = key WHERE request_id = ",
        )
        .push_bind(request_id);
    sql
}

fn entry(row: &SqliteRow) -> Result<StoredEntry, sqlx::Error> {
    let body: Vec<u8> = row.try_get("body")?;
    let record = Record::from_canonical(&body).ok();
    Ok(StoredEntry {
        index: unsigned(row, "idx")?,
        record,
        body,
    })
}
