//! Waiting for what is not in the log yet. A waiter holds no connection to the database, and is woken by
//! the sequencer.

use std::time::Duration;

use caracal_audit::{ListQuery, Page};
use tokio::time::{Instant, sleep};

use crate::api::error::ApiError;
use crate::api::{Api, Authority};

/// Waiters at a time, of all zones.
pub(in crate::api) const MAX_WAITERS: usize = 64;

/// How long a waiter goes on before it looks whether the process is to stop.
const HEED: Duration = Duration::from_millis(500);

/// Between two searches of one waiter, where a busy log grows by nothing that it is after.
const REST: Duration = Duration::from_millis(50);

pub(super) async fn search<A: Authority>(
    api: &Api<A>,
    query: &ListQuery,
) -> Result<Page, ApiError> {
    let page = api.ledger.search(query).await;
    page.map_err(|error| ApiError::ledger_search(&error))
}

/// The next matches; where there are none yet, the first that come within `wait`.
pub(super) async fn follow<A: Authority>(
    api: &Api<A>,
    mut query: ListQuery,
    wait: Duration,
) -> Result<Page, ApiError> {
    let started = Instant::now();
    let mut page = search(api, &query).await?;
    let mut place = None;
    while page.entries.is_empty() && page.is_end {
        let left = wait.saturating_sub(started.elapsed());
        if left.is_zero() || api.draining.has_begun() {
            break;
        }
        if place.is_none() {
            let free = api.waiters.try_acquire();
            place = Some(free.map_err(|_| ApiError::too_many_waiters(MAX_WAITERS))?);
        }
        let waited = api
            .ledger
            .wait_for_growth(&query.zone, page.bound, left.min(HEED));
        if waited
            .await
            .map_err(|error| ApiError::ledger_read(&error))?
        {
            query.go_on(page.bound);
            page = search(api, &query).await?;
            if page.entries.is_empty() {
                sleep(REST.min(left)).await;
            }
        }
    }
    Ok(page)
}
