//! Which indexes a search has to look at.

use sqlx::{AnyPool, Row as _};

use super::{ListQuery, Order, SearchError};
use crate::ledger::state::{signed, unsigned};

/// How far back an entry's time may be behind an earlier one's without being missed. Entries that were
/// appended by builds before times stopped running backwards have the times of their replicas' clocks.
pub(super) const CLOCKS_APART_MS: u64 = 10_000;

/// Indexes from one to below another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) from: u64,
    /// Never below `from`.
    pub(super) to: u64,
}

impl Range {
    fn new(from: u64, to: u64) -> Self {
        Self {
            from: from.min(to),
            to,
        }
    }

    /// The first entries that come up in this order.
    pub(super) fn first(self, count: u64, order: Order) -> Self {
        match order {
            Order::NewestFirst => Self::new(self.from.max(self.to.saturating_sub(count)), self.to),
            Order::OldestFirst => {
                Self::new(self.from, self.to.min(self.from.saturating_add(count)))
            }
        }
    }

    /// Where a search begins.
    pub(super) const fn start(self, order: Order) -> u64 {
        match order {
            Order::NewestFirst => self.to,
            Order::OldestFirst => self.from,
        }
    }

    /// Where it is over.
    pub(super) const fn end(self, order: Order) -> u64 {
        match order {
            Order::NewestFirst => self.from,
            Order::OldestFirst => self.to,
        }
    }
}

/// Everything that may match.
pub(super) async fn of(pool: &AnyPool, query: &ListQuery) -> Result<Range, SearchError> {
    let present = present(pool, &query.zone).await?;
    let from = match query.after {
        None => present.from,
        Some(after) if after < present.to => after.saturating_add(1).max(present.from),
        Some(after) => {
            return Err(SearchError::Shorter {
                zone: query.zone.clone(),
                size: present.to,
                after,
            });
        }
    };
    let to = query.before.unwrap_or(u64::MAX).min(present.to);
    let mut range = Range::new(from, to);
    // Ids that have an index lead to few entries, whose times are compared.
    if query.issued.is_some() || query.request_id.is_some() {
        return Ok(range);
    }
    if let Some(since_ms) = query.since_ms {
        let least = since_ms.saturating_sub(CLOCKS_APART_MS);
        range.from = position(pool, &query.zone, range, least).await?;
    }
    if let Some(until_ms) = query.until_ms {
        let most = until_ms.saturating_add(CLOCKS_APART_MS);
        range.to = position(pool, &query.zone, range, most).await?;
    }
    Ok(range)
}

/// What is there: all of the log, or what retention has left of it.
async fn present(pool: &AnyPool, zone: &str) -> Result<Range, sqlx::Error> {
    // Apart: of one statement that asks for both, SQLite would read the whole index.
    let row = sqlx::query(
        "SELECT (SELECT MIN(idx) FROM log_entries WHERE zone = $1) AS first, \
         (SELECT MAX(idx) FROM log_entries WHERE zone = $1) AS last",
    )
    .bind(zone.to_owned())
    .fetch_one(pool)
    .await?;
    let last: Option<i64> = row.try_get("last")?;
    if last.is_none() {
        return Ok(Range::new(0, 0));
    }
    let (first, last) = (unsigned(&row, "first")?, unsigned(&row, "last")?);
    Ok(Range::new(first, last.saturating_add(1)))
}

/// The first entry of a range that was recorded at `ms` or later; the range's end if none was. One
/// point read for every halving.
///
/// Where times run backwards, by no more than [`CLOCKS_APART_MS`], no entry before the one that is found
/// has a time of that much later than `ms`, and none behind it one of that much earlier.
async fn position(pool: &AnyPool, zone: &str, range: Range, ms: u64) -> Result<u64, sqlx::Error> {
    let Range { mut from, mut to } = range;
    while from < to {
        let middle = from.saturating_add(to.saturating_sub(from) / 2);
        // Not only this index: in a damaged log it may be missing.
        let row = sqlx::query(
            "SELECT idx, recorded_ms FROM log_entries WHERE zone = $1 AND idx >= $2 AND idx < $3 \
             ORDER BY idx LIMIT 1",
        )
        .bind(zone.to_owned())
        .bind(signed(middle))
        .bind(signed(to))
        .fetch_optional(pool)
        .await?;
        let Some(row) = row else {
            to = middle;
            continue;
        };
        // As it stands there, which in a damaged log may be below zero.
        let recorded_ms: i64 = row.try_get("recorded_ms")?;
        if recorded_ms < signed(ms) {
            from = unsigned(&row, "idx")?.saturating_add(1);
        } else {
            to = middle;
        }
    }
    Ok(from)
}
