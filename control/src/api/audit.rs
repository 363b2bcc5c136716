//! The ledger's entries.

use axum::Json;
use axum::extract::State;
use caracal_audit::{ListQuery, Record, StoredEntry};
use caracal_mandate::event::Outcome;
use serde::{Deserialize, Serialize};

use super::change::Items;
use super::error::ApiError;
use super::extract::{InZone, Parameters};
use super::{Api, Authority};

/// Entries of one answer when the caller names no number.
const DEFAULT_LIMIT: u32 = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    request_id: Option<String>,
    /// The exchange that issued this mandate.
    issued: Option<String>,
    application: Option<String>,
    resource: Option<String>,
    outcome: Option<Outcome>,
    reason: Option<String>,
    before: Option<u64>,
    limit: Option<u32>,
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
) -> Result<Json<Items<Entry>>, ApiError> {
    let Filter {
        request_id,
        issued,
        application,
        resource,
        outcome,
        reason,
        before,
        limit,
    } = filter;
    let query = ListQuery {
        zone: zone.as_str().to_owned(),
        request_id,
        issued,
        application,
        resource,
        outcome,
        reason_prefix: reason,
        before,
        limit: limit.unwrap_or(DEFAULT_LIMIT),
    };
    let entries = api.ledger.list(query).await;
    let entries = entries.map_err(|error| ApiError::ledger_read(&error))?;
    let items = entries
        .into_iter()
        .map(
            |StoredEntry {
                 index,
                 record,
                 body: _,
             }| Entry { index, record },
        )
        .collect();
    Ok(Json(Items { items }))
}
