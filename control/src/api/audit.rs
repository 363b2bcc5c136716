//! The ledger's entries: search, and following.

mod following;
mod parameters;

use axum::Json;
use axum::extract::State;
use caracal_audit::{Cursor, Record, StoredEntry};
use serde::Serialize;

use super::error::ApiError;
use super::extract::{InZone, Parameters};
use super::{Api, Authority};
pub(super) use following::MAX_WAITERS;
use parameters::{Asked, Filter};

/// A part of what was found.
#[derive(Serialize)]
pub(super) struct Found {
    items: Vec<Entry>,
    /// Where to go on, to be given as `cursor` beside the same filters. There may be more although
    /// `items` is short or empty; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// How many entries were looked at for this part.
    looked_at: u64,
}

/// An entry; one whose stored form is unreadable has its index only, and `caracal audit verify`
/// says more.
#[derive(Serialize)]
pub(super) struct Entry {
    index: u64,
    #[serde(flatten)]
    record: Option<Record>,
}

pub(super) async fn list<A: Authority>(
    State(api): State<Api<A>>,
    InZone(zone): InZone,
    Parameters(filter): Parameters<Filter>,
) -> Result<Json<Found>, ApiError> {
    let Asked { query, wait } = filter.asked(&zone)?;
    let page = match wait {
        None => following::search(&api, &query).await?,
        Some(wait) => following::follow(&api, query.clone(), wait).await?,
    };
    // Whoever follows goes on behind the end as well.
    let goes_on = !page.is_end || wait.is_some();
    let next = goes_on.then(|| Cursor::after(&query, &page).to_string());
    let entry = |stored| {
        let StoredEntry {
            index,
            record,
            body: _,
        } = stored;
        Entry { index, record }
    };
    Ok(Json(Found {
        items: page.entries.into_iter().map(entry).collect(),
        next,
        looked_at: page.looked_at,
    }))
}
