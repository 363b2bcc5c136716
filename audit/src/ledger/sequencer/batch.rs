//! One transaction: entries, then the state of their logs, all or nothing.

mod rows;

use std::collections::HashMap;

use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqlitePool};

use super::super::append::{Rejection, Request};
use super::super::state::{self, LogState, signed, unsigned};
use super::super::{Position, Submission};
use crate::merkle::{Frontier, Hash};
use crate::record::Record;

/// Why a batch was not written. The database is as before, unless the commit itself failed.
pub(super) enum BatchError {
    /// One submission of one request can never be written.
    Rejected {
        request: usize,
        index: usize,
        rejection: Rejection,
    },
    /// A log is not as this sequencer left it.
    Fenced(String),
    /// The disk, or the database.
    Storage(sqlx::Error),
}

impl From<sqlx::Error> for BatchError {
    fn from(error: sqlx::Error) -> Self {
        Self::Storage(error)
    }
}

/// A log that the batch grows.
struct Growth {
    before: Frontier,
    after: Frontier,
}

/// Writes all requests and returns their positions. `logs` changes only with the database.
pub(super) async fn write(
    pool: &SqlitePool,
    logs: &mut HashMap<String, LogState>,
    requests: &[Request],
    now_ms: u64,
) -> Result<Vec<Vec<Position>>, BatchError> {
    // The write lock from the start: a lock that is upgraded later can fail half way.
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    let mut grown = HashMap::new();
    let at_once = rows::write(&mut transaction, logs, &mut grown, requests, now_ms).await?;
    let positions = if let Some(positions) = at_once {
        positions
    } else {
        // Some of it is known already, or cannot be written: take it one by one, from the start.
        transaction.rollback().await?;
        transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
        grown.clear();
        one_by_one(&mut transaction, logs, &mut grown, requests, now_ms).await?
    };
    for (zone, growth) in &grown {
        advance(&mut transaction, zone, growth).await?;
    }
    let result = transaction.commit().await;
    for (zone, Growth { before, after }) in grown {
        let log = match result {
            Ok(()) => LogState::Known(after),
            // The error may have come after the point of no return.
            Err(_) => LogState::Uncertain { before, after },
        };
        logs.insert(zone, log);
    }
    result?;
    Ok(positions)
}

/// Writes event after event, so that each is known for new, known already, or impossible.
async fn one_by_one(
    connection: &mut SqliteConnection,
    logs: &HashMap<String, LogState>,
    grown: &mut HashMap<String, Growth>,
    requests: &[Request],
    now_ms: u64,
) -> Result<Vec<Vec<Position>>, BatchError> {
    let mut positions = Vec::with_capacity(requests.len());
    for (number, request) in requests.iter().enumerate() {
        let mut taken = Vec::with_capacity(request.submissions.len());
        for (index, submission) in request.submissions.iter().enumerate() {
            let growth = growth(connection, logs, grown, submission).await?;
            let written = insert(connection, growth, submission, now_ms).await?;
            taken.push(written.map_err(|rejection| BatchError::Rejected {
                request: number,
                index,
                rejection,
            })?);
        }
        positions.push(taken);
    }
    Ok(positions)
}

/// The log that a submission goes to, as it stands within this transaction.
async fn growth<'a>(
    connection: &mut SqliteConnection,
    logs: &HashMap<String, LogState>,
    grown: &'a mut HashMap<String, Growth>,
    submission: &Submission,
) -> Result<&'a mut Growth, BatchError> {
    let zone = &submission.event.zone;
    if !grown.contains_key(zone) {
        let before = start(connection, zone, logs.get(zone)).await?;
        grown.insert(
            zone.clone(),
            Growth {
                after: before.clone(),
                before,
            },
        );
    }
    grown
        .get_mut(zone)
        .ok_or_else(|| BatchError::Fenced(zone.clone()))
}

/// The log as the database has it, if that is how this sequencer left it. The write lock is held
/// already, so it stays that way.
async fn start(
    connection: &mut SqliteConnection,
    zone: &str,
    known: Option<&LogState>,
) -> Result<Frontier, BatchError> {
    let empty = Frontier::new();
    let (before, after) = match known {
        None => (&empty, None),
        Some(LogState::Known(frontier)) => (frontier, None),
        Some(LogState::Uncertain { before, after }) => (before, Some(after)),
    };
    match (state::read(connection, zone).await?, after) {
        (Some(row), _) if row.is(before) => Ok(before.clone()),
        (Some(row), Some(after)) if row.is(after) => Ok(after.clone()),
        // A new zone, or one whose first commit did not take place.
        (None, _) if before.size() == 0 => {
            create(connection, zone).await?;
            Ok(empty)
        }
        _ => Err(BatchError::Fenced(zone.to_owned())),
    }
}

async fn create(connection: &mut SqliteConnection, zone: &str) -> Result<(), BatchError> {
    sqlx::query(
        "INSERT INTO log_state (zone, size, frontier, root, checkpoint_size) \
         VALUES ($1, 0, $2, $3, 0)",
    )
    .bind(zone)
    .bind(Frontier::new().to_bytes())
    .bind(Hash::empty().0.to_vec())
    .execute(connection)
    .await?;
    Ok(())
}

async fn insert(
    connection: &mut SqliteConnection,
    growth: &mut Growth,
    submission: &Submission,
    now_ms: u64,
) -> Result<Result<Position, Rejection>, BatchError> {
    let before = growth.after.clone();
    let Some((row, position)) = rows::Row::append(growth, submission, now_ms) else {
        return Ok(Err(Rejection::Json));
    };
    if !rows::insert(connection, vec![row]).await? {
        growth.after = before;
        return duplicate(connection, submission).await;
    }
    Ok(Ok(position))
}

/// Where the event stands already, or that its number belongs to another one.
async fn duplicate(
    connection: &mut SqliteConnection,
    submission: &Submission,
) -> Result<Result<Position, Rejection>, BatchError> {
    let emitter = &submission.event.emitter;
    let row = sqlx::query(
        "SELECT zone, idx, body FROM log_entries \
         WHERE peer = $1 AND emitter = $2 AND boot = $3 AND seq = $4",
    )
    .bind(&submission.peer)
    .bind(&emitter.name)
    .bind(&emitter.boot)
    .bind(signed(emitter.seq))
    .fetch_one(connection)
    .await?;
    let (zone, index): (String, u64) = (row.try_get("zone")?, unsigned(&row, "idx")?);
    let body: Vec<u8> = row.try_get("body")?;
    let same = Record::from_canonical(&body).is_ok_and(|record| record.event == submission.event);
    Ok(if same {
        Ok(Position { zone, index })
    } else {
        Err(Rejection::Conflict { zone, index })
    })
}

/// Moves the log's state forward from exactly where this sequencer left it. Two sequencers on one
/// database cannot both win.
async fn advance(
    connection: &mut SqliteConnection,
    zone: &str,
    growth: &Growth,
) -> Result<(), BatchError> {
    let moved = sqlx::query(
        "UPDATE log_state SET size = $1, frontier = $2, root = $3 \
         WHERE zone = $4 AND size = $5 AND root = $6",
    )
    .bind(signed(growth.after.size()))
    .bind(growth.after.to_bytes())
    .bind(growth.after.root().0.to_vec())
    .bind(zone)
    .bind(signed(growth.before.size()))
    .bind(growth.before.root().0.to_vec())
    .execute(connection)
    .await?;
    if moved.rows_affected() == 1 {
        Ok(())
    } else {
        Err(BatchError::Fenced(zone.to_owned()))
    }
}
