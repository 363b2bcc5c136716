//! What is asked of the ledger. Reads use connections of their own and never wait for the writer.

use caracal_mandate::event::Outcome;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::Ledger;
use super::search::{By, Search};
use super::state::{signed, unsigned};
use crate::record::{Record, outcome_text};

/// Most entries of one answer.
pub const MAX_LIST: u32 = 1000;

/// The newest checkpoint of a zone that witnesses have settled, with at least so much of a quorum.
pub(crate) const NEWEST_SETTLED: &str = "SELECT note FROM witnessed \
    WHERE zone = $1 AND quorum >= $2 ORDER BY size DESC, quorum DESC LIMIT 1";

/// Which entries are asked for. Absent filters match everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// The zone; there is no listing across zones.
    pub zone: String,
    /// Exactly this request id.
    pub request_id: Option<String>,
    /// The exchange that issued this mandate, if it tells the mandate's chain.
    pub issued: Option<String>,
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
pub struct ReadError(#[from] pub(super) sqlx::Error);

impl Ledger {
    /// Entries of one zone, newest first.
    pub async fn list(&self, query: ListQuery) -> Result<Vec<StoredEntry>, ReadError> {
        let ListQuery {
            zone,
            request_id,
            issued,
            application,
            resource,
            outcome,
            reason_prefix,
            before,
            limit,
        } = query;
        let mut search = Search::default();
        // One index is enough: a mandate is issued once.
        let request_id = match (issued, request_id) {
            (Some(mandate), request_id) => {
                search.by(By::Mandate, self.dialect, &zone, mandate);
                request_id
            }
            (None, Some(request_id)) => {
                search.by(By::Request, self.dialect, &zone, request_id);
                None
            }
            (None, None) => {
                search.push("SELECT idx, body FROM log_entries WHERE TRUE");
                None
            }
        };
        search.push(" AND zone = ").value(zone);
        for (condition, wanted) in [
            (" AND request_id = ", request_id),
            (" AND application = ", application),
            (" AND resource = ", resource),
            (
                " AND outcome = ",
                outcome.map(|one| outcome_text(one).to_owned()),
            ),
        ] {
            if let Some(wanted) = wanted {
                search.push(condition).value(wanted);
            }
        }
        if let Some(prefix) = reason_prefix {
            // Not LIKE: a percent sign of the caller's is a percent sign.
            search
                .push(" AND substr(reason, 1, length(")
                .value(prefix.clone())
                .push(")) = ")
                .value(prefix);
        }
        if let Some(before) = before {
            search.push(" AND idx < ").value(signed(before));
        }
        let limit = if limit == 0 {
            MAX_LIST
        } else {
            limit.min(MAX_LIST)
        };
        search
            .push(" ORDER BY idx DESC LIMIT ")
            .value(i64::from(limit));
        let rows = search.fetch(&self.readers).await?;
        Ok(rows.iter().map(entry).collect::<Result<_, _>>()?)
    }

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

fn entry(row: &AnyRow) -> Result<StoredEntry, sqlx::Error> {
    let body: Vec<u8> = row.try_get("body")?;
    let record = Record::from_canonical(&body).ok();
    Ok(StoredEntry {
        index: unsigned(row, "idx")?,
        record,
        body,
    })
}
