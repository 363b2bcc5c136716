//! Search. Apart from two ids it has no index of its own: an index costs every append, and a search is
//! rare. So it walks along the log, in windows of a bounded number of entries, and says where it
//! stopped.
//!
//! ```text
//! time --> range of indexes --> window --> columns and bytes of the body, in SQL --> the parsed record
//! ```
//!
//! What has no column stands in the body, whose spelling is fixed (RFC 8785): the bytes
//! `"session":"ses_1"` are in every body of that session, and in few others. Those the database finds;
//! what counts is what the record says.

mod cursor;
mod filter;
mod query;
mod range;

use super::Ledger;
use super::read::{ReadError, StoredEntry};
use super::state::{signed, unsigned};
use super::statement::{By, Statement};
use crate::record::outcome_text;
pub use cursor::{Cursor, CursorError};
pub use query::{ListQuery, MAX_LIST, Order};
use range::Range;

/// Most entries that are looked at for one page of a search. Looking for bytes in so many bodies of
/// 730 bytes took 0.3 s on `SQLite` and 0.1 s on `PostgreSQL`, on a busy machine of two cores.
pub const SEARCH_WINDOW: u64 = 100_000;

/// Fewest rows that are asked for where the record decides: not every one that is found counts.
const LEAST_FETCH: u32 = 64;

/// A part of the answer to a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// What was found, in the order that was asked for. It may be nothing, with more to come.
    pub entries: Vec<StoredEntry>,
    /// Whether everything that there was to be looked at has been.
    pub is_end: bool,
    /// How many entries were looked at.
    pub looked_at: u64,
    /// Where to go on: below this index from newest to oldest, from it on otherwise.
    pub bound: u64,
}

/// Why a search has no answer.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The database.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Entries are asked for behind one that is not there: whoever saw it saw another log.
    #[error(
        "the log of zone {zone:?} has {size} entries, and entry {after} is not among them: it was put \
         back, or is another log"
    )]
    Shorter {
        /// The zone.
        zone: String,
        /// Entries of its log.
        size: u64,
        /// The entry that was named.
        after: u64,
    },
}

impl From<sqlx::Error> for SearchError {
    fn from(error: sqlx::Error) -> Self {
        Self::Read(error.into())
    }
}

impl Ledger {
    /// The next entries of one zone that match, up to the limit, after at most [`SEARCH_WINDOW`] were
    /// looked at. To go on, ask again with the page's [`Cursor`].
    pub async fn search(&self, query: &ListQuery) -> Result<Page, SearchError> {
        self.search_within(query, SEARCH_WINDOW).await
    }

    /// All pages of a search up to its limit as one.
    pub async fn list(&self, mut query: ListQuery) -> Result<Vec<StoredEntry>, SearchError> {
        let mut entries = Vec::new();
        let mut left = query.row_limit();
        while left > 0 {
            query.limit = left;
            let page = self.search(&query).await?;
            let found = u32::try_from(page.entries.len()).unwrap_or(u32::MAX);
            left = left.saturating_sub(found);
            entries.extend(page.entries);
            if page.is_end {
                break;
            }
            query.go_on(page.bound);
        }
        Ok(entries)
    }

    /// [`Self::search`] with a window of another size.
    pub(super) async fn search_within(
        &self,
        query: &ListQuery,
        window: u64,
    ) -> Result<Page, SearchError> {
        let range = range::of(&self.readers, query).await?;
        let found_by_index = query.issued.is_some() || query.request_id.is_some();
        let part = if found_by_index {
            // The index leads to the few entries of one id, however long the log is.
            range
        } else {
            range.first(window, query.order)
        };
        let limit = query.row_limit();
        let fetch = if query.is_decided_by_columns() {
            limit
        } else {
            limit.max(LEAST_FETCH)
        };
        let rows = self
            .statement(query, part, fetch)
            .fetch(&self.readers)
            .await?;
        let mut entries = Vec::new();
        let mut reached = None;
        for row in &rows {
            if entries.len() == usize::try_from(limit).unwrap_or(usize::MAX) {
                break;
            }
            reached = Some(unsigned(row, "idx")?);
            let entry = StoredEntry::of(row)?;
            if query.takes(&entry) {
                entries.push(entry);
            }
        }
        let is_full = entries.len() == usize::try_from(limit).unwrap_or(usize::MAX)
            || rows.len() == usize::try_from(fetch).unwrap_or(usize::MAX);
        let bound = match reached.filter(|_| is_full) {
            Some(index) => query.order.beyond(index),
            None => part.end(query.order),
        };
        Ok(Page {
            entries,
            is_end: bound == range.end(query.order),
            looked_at: part.start(query.order).abs_diff(bound),
            bound,
        })
    }

    fn statement(&self, query: &ListQuery, part: Range, fetch: u32) -> Statement {
        let mut statement = Statement::default();
        // One index is enough: a mandate is issued once.
        let request_id = match (&query.issued, &query.request_id) {
            (Some(mandate), request_id) => {
                statement.by(By::Mandate, self.dialect, &query.zone, mandate.clone());
                request_id.clone()
            }
            (None, Some(request_id)) => {
                statement.by(By::Request, self.dialect, &query.zone, request_id.clone());
                None
            }
            (None, None) => {
                statement.push("SELECT idx, body FROM log_entries WHERE TRUE");
                None
            }
        };
        statement
            .push(" AND zone = ")
            .value(query.zone.clone())
            .push(" AND idx >= ")
            .value(signed(part.from))
            .push(" AND idx < ")
            .value(signed(part.to));
        let outcome = query.outcome.map(|one| outcome_text(one).to_owned());
        for (condition, wanted) in [
            (" AND request_id = ", request_id),
            (" AND application = ", query.application.clone()),
            (" AND resource = ", query.resource.clone()),
            (" AND outcome = ", outcome),
        ] {
            if let Some(wanted) = wanted {
                statement.push(condition).value(wanted);
            }
        }
        for (condition, ms) in [
            (" AND recorded_ms >= ", query.since_ms),
            (" AND recorded_ms < ", query.until_ms),
        ] {
            if let Some(ms) = ms {
                statement.push(condition).value(signed(ms));
            }
        }
        if let Some(prefix) = &query.reason_prefix {
            // Not LIKE: a percent sign of the caller's is a percent sign.
            statement
                .push(" AND substr(reason, 1, length(")
                .value(prefix.clone())
                .push(")) = ")
                .value(prefix.clone());
        }
        for bytes in query.spelled() {
            statement.body_has(self.dialect, bytes);
        }
        statement
            .push(match query.order {
                Order::NewestFirst => " ORDER BY idx DESC LIMIT ",
                Order::OldestFirst => " ORDER BY idx LIMIT ",
            })
            .value(i64::from(fetch));
        statement
    }
}

#[cfg(test)]
mod tests;
