//! Entries as rows, written many at a time: a statement for each costs more than the row itself.

use std::collections::HashMap;

use sqlx::query_builder::Separated;
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Sqlite};

use super::super::super::append::Request;
use super::super::super::state::{LogState, signed};
use super::super::super::{Position, Submission};
use super::{BatchError, Growth, growth};
use crate::merkle::Hash;
use crate::record::{Columns, Record};

/// Rows in one statement, largest first. Fixed sizes, so that each statement is prepared once.
const SIZES: [usize; 3] = [64, 8, 1];

/// One entry at its place.
pub(super) struct Row {
    zone: String,
    index: u64,
    leaf: Hash,
    body: Vec<u8>,
    columns: Columns,
}

impl Row {
    /// Appends an event to its log; `None` when it cannot be written as JSON.
    pub(super) fn append(
        growth: &mut Growth,
        submission: &Submission,
        now_ms: u64,
    ) -> Option<(Self, Position)> {
        let record = Record {
            event: submission.event.clone(),
            peer: submission.peer.clone(),
            recorded_ms: now_ms,
        };
        let body = record.to_canonical().ok()?;
        let leaf = Hash::leaf(&body);
        let index = growth.after.size();
        growth.after.append(leaf);
        let zone = record.event.zone.clone();
        let position = Position {
            zone: zone.clone(),
            index,
        };
        let columns = Columns::of(&record);
        Some((
            Self {
                zone,
                index,
                leaf,
                body,
                columns,
            },
            position,
        ))
    }
}

/// Writes all requests at once. `None` when not every event is new and writable; then the
/// transaction is to be rolled back.
pub(super) async fn write(
    connection: &mut SqliteConnection,
    logs: &HashMap<String, LogState>,
    grown: &mut HashMap<String, Growth>,
    requests: &[Request],
    now_ms: u64,
) -> Result<Option<Vec<Vec<Position>>>, BatchError> {
    let mut rows = Vec::new();
    let mut positions = Vec::with_capacity(requests.len());
    for request in requests {
        let mut taken = Vec::with_capacity(request.submissions.len());
        for submission in &request.submissions {
            let growth = growth(connection, logs, grown, submission).await?;
            let Some((row, position)) = Row::append(growth, submission, now_ms) else {
                return Ok(None);
            };
            rows.push(row);
            taken.push(position);
        }
        positions.push(taken);
    }
    Ok(insert(connection, rows).await?.then_some(positions))
}

/// Inserts rows; tells whether every one was new.
pub(super) async fn insert(
    connection: &mut SqliteConnection,
    rows: Vec<Row>,
) -> Result<bool, sqlx::Error> {
    let mut left = rows.len();
    let mut rows = rows.into_iter();
    for size in SIZES {
        while left >= size {
            let mut query = QueryBuilder::<Sqlite>::new(
                "INSERT INTO log_entries (zone, idx, leaf_hash, body, peer, emitter, boot, seq, \
                 recorded_ms, request_id, application, resource, outcome, reason) ",
            );
            query.push_values(rows.by_ref().take(size), bind);
            // A clash of (zone, idx) is not covered by this clause: it fails, as it must.
            query.push(" ON CONFLICT (peer, emitter, boot, seq) DO NOTHING");
            let inserted = query.build().execute(&mut *connection).await?;
            if inserted.rows_affected() != u64::try_from(size).unwrap_or(u64::MAX) {
                return Ok(false);
            }
            left = left.saturating_sub(size);
        }
    }
    Ok(true)
}

fn bind(mut query: Separated<'_, Sqlite, &'static str>, row: Row) {
    let Row {
        zone,
        index,
        leaf,
        body,
        columns,
    } = row;
    query
        .push_bind(zone)
        .push_bind(signed(index))
        .push_bind(leaf.0.to_vec())
        .push_bind(body)
        .push_bind(columns.peer)
        .push_bind(columns.emitter)
        .push_bind(columns.boot)
        .push_bind(columns.seq)
        .push_bind(columns.recorded_ms)
        .push_bind(columns.request_id)
        .push_bind(columns.application)
        .push_bind(columns.resource)
        .push_bind(columns.outcome)
        .push_bind(columns.reason);
}
