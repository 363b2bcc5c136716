//! What is asked of the ledger, as a query string says it.

use std::time::Duration;

use caracal_audit::{Cursor, ListQuery, Order};
use caracal_mandate::event::{Action, Component, Outcome};
use caracal_mandate::name::Name;
use jiff::Timestamp;
use serde::Deserialize;

use crate::api::error::ApiError;

/// Entries of one answer when the caller names no number.
const DEFAULT_LIMIT: u32 = 100;

/// Longest wait for a log to grow, in seconds. Below what proxies and clients wait for an answer.
const MAX_WAIT_S: u64 = 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Filter {
    request_id: Option<String>,
    /// The exchange that issued this mandate.
    issued: Option<String>,
    mandate: Option<String>,
    application: Option<String>,
    holder: Option<String>,
    session: Option<String>,
    grant: Option<String>,
    resource: Option<String>,
    host: Option<String>,
    /// The beginning of the path.
    path: Option<String>,
    component: Option<Component>,
    action: Option<Action>,
    outcome: Option<Outcome>,
    /// The beginning of the reason.
    reason: Option<String>,
    /// RFC 3339, by the ledger's clock.
    since: Option<String>,
    until: Option<String>,
    order: Option<Direction>,
    before: Option<u64>,
    after: Option<u64>,
    cursor: Option<String>,
    limit: Option<u32>,
    /// Seconds to wait for a match where there is none yet.
    wait: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Direction {
    Newest,
    Oldest,
}

/// A search, and how long to wait at the end of the log; `None` for one that ends there.
pub(super) struct Asked {
    pub(super) query: ListQuery,
    pub(super) wait: Option<Duration>,
}

impl Filter {
    pub(super) fn asked(self, zone: &Name) -> Result<Asked, ApiError> {
        let order = match self.order {
            None | Some(Direction::Newest) => Order::NewestFirst,
            Some(Direction::Oldest) => Order::OldestFirst,
        };
        let has_an_end = self.before.is_some() || self.until.is_some();
        if self.wait.is_some() && (order == Order::NewestFirst || has_an_end) {
            return Err(ApiError::invalid(
                "wait: goes with order=oldest, and with neither before nor until: what is waited for \
                 comes at the end of the log",
            ));
        }
        if self.wait.is_some_and(|seconds| seconds > MAX_WAIT_S) {
            return Err(ApiError::invalid(format!(
                "wait: must be a number of seconds up to {MAX_WAIT_S}; ask again after that"
            )));
        }
        let mut query = ListQuery {
            zone: zone.as_str().to_owned(),
            request_id: self.request_id,
            issued: self.issued,
            mandate: self.mandate,
            application: self.application,
            holder: self.holder,
            session: self.session,
            grant: self.grant,
            resource: self.resource,
            host: self.host,
            path_prefix: self.path,
            component: self.component,
            action: self.action,
            outcome: self.outcome,
            reason_prefix: self.reason,
            since_ms: moment("since", self.since)?,
            until_ms: moment("until", self.until)?,
            order,
            before: self.before,
            after: self.after,
            limit: self.limit.unwrap_or(DEFAULT_LIMIT),
        };
        if let Some(cursor) = self.cursor {
            let cursor = cursor.parse::<Cursor>();
            let applied = cursor.and_then(|cursor| cursor.apply(&mut query));
            applied.map_err(|error| ApiError::invalid(format!("cursor: {error}")))?;
        }
        Ok(Asked {
            query,
            wait: self.wait.map(Duration::from_secs),
        })
    }
}

/// Unix milliseconds. Times before 1970 are before every entry.
fn moment(name: &str, text: Option<String>) -> Result<Option<u64>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    let read: Timestamp = text.parse().map_err(|_| {
        ApiError::invalid(format!(
            "{name}: is no time of RFC 3339: write it such as 2026-03-01T12:00:00Z, with a + of the \
             offset as %2B"
        ))
    })?;
    Ok(Some(u64::try_from(read.as_millisecond()).unwrap_or(0)))
}
