//! One transaction: entries, then the state of their logs, all or nothing.

mod emitters;
mod growth;
mod rows;

use std::collections::HashMap;

use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqlitePool};

use super::super::Position;
use super::super::append::{Prepared, Rejection, Request};
use super::super::state::{LogState, unsigned};
use crate::record::Record;
pub(super) use emitters::Emitters;
use growth::Growth;
use rows::Row;

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

/// What the sequencer knows. It changes only with the database.
#[derive(Default)]
pub(super) struct Known {
    pub(super) logs: HashMap<String, LogState>,
    pub(super) emitters: Emitters,
}

/// Writes all requests and returns their positions.
pub(super) async fn write(
    pool: &SqlitePool,
    known: &mut Known,
    requests: &[Request],
    now_ms: u64,
) -> Result<Vec<Vec<Position>>, BatchError> {
    // The write lock from the start: a lock that is upgraded later can fail half way.
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    let mut work = Work::new(known, now_ms);
    let positions = if let Some(positions) = work.at_once(&mut transaction, requests).await? {
        positions
    } else {
        // Some of it is known already, or cannot be written: take it one by one, from the start.
        transaction.rollback().await?;
        transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
        work = Work::new(known, now_ms);
        work.one_by_one(&mut transaction, requests).await?
    };
    let grown = work.grown;
    for (zone, growth) in &grown {
        growth::advance(&mut transaction, zone, growth).await?;
    }
    let result = transaction.commit().await;
    if result.is_ok() {
        known.emitters.keep();
    }
    for (zone, growth) in grown {
        let Growth { before, after, .. } = growth;
        let log = match result {
            Ok(()) => LogState::Known(after),
            // The error may have come after the point of no return.
            Err(_) => LogState::Uncertain { before, after },
        };
        known.logs.insert(zone, log);
    }
    result?;
    Ok(positions)
}

/// One transaction in the making.
struct Work<'a> {
    logs: &'a HashMap<String, LogState>,
    emitters: &'a mut Emitters,
    grown: HashMap<String, Growth>,
    now_ms: u64,
}

impl<'a> Work<'a> {
    fn new(known: &'a mut Known, now_ms: u64) -> Self {
        let Known { logs, emitters } = known;
        emitters.begin();
        Self {
            logs,
            emitters,
            grown: HashMap::new(),
            now_ms,
        }
    }

    /// Writes everything at once. `None` when not every event is new and writable; then the
    /// transaction is to be rolled back.
    async fn at_once(
        &mut self,
        connection: &mut SqliteConnection,
        requests: &[Request],
    ) -> Result<Option<Vec<Vec<Position>>>, BatchError> {
        let now_ms = self.now_ms;
        let mut rows = Vec::new();
        let mut positions = Vec::with_capacity(requests.len());
        for request in requests {
            let mut taken = Vec::with_capacity(request.submissions.len());
            for submission in &request.submissions {
                let emitter_id = self.emitters.id(connection, &submission.series).await?;
                let growth = self.growth(connection, submission).await?;
                let Some((row, position)) = Row::append(growth, emitter_id, submission, now_ms)
                else {
                    return Ok(None);
                };
                rows.push(row);
                taken.push(position);
            }
            positions.push(taken);
        }
        Ok(rows::insert(connection, rows).await?.then_some(positions))
    }

    /// Writes event after event, so that each is known for new, known already, or impossible.
    async fn one_by_one(
        &mut self,
        connection: &mut SqliteConnection,
        requests: &[Request],
    ) -> Result<Vec<Vec<Position>>, BatchError> {
        let mut positions = Vec::with_capacity(requests.len());
        for (number, request) in requests.iter().enumerate() {
            let mut taken = Vec::with_capacity(request.submissions.len());
            for (index, submission) in request.submissions.iter().enumerate() {
                let written = self.insert(connection, submission).await?;
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

    async fn insert(
        &mut self,
        connection: &mut SqliteConnection,
        submission: &Prepared,
    ) -> Result<Result<Position, Rejection>, BatchError> {
        let now_ms = self.now_ms;
        let emitter_id = self.emitters.id(connection, &submission.series).await?;
        let growth = self.growth(connection, submission).await?;
        let before = growth.after.clone();
        let Some((row, position)) = Row::append(growth, emitter_id, submission, now_ms) else {
            return Ok(Err(Rejection::Json));
        };
        if !rows::insert(connection, vec![row]).await? {
            growth.after = before;
            return duplicate(connection, emitter_id, submission).await;
        }
        Ok(Ok(position))
    }

    async fn growth(
        &mut self,
        connection: &mut SqliteConnection,
        submission: &Prepared,
    ) -> Result<&mut Growth, BatchError> {
        growth::of(connection, self.logs, &mut self.grown, &submission.zone).await
    }
}

/// Where the event stands already, or that its number belongs to another one.
async fn duplicate(
    connection: &mut SqliteConnection,
    emitter_id: i64,
    submission: &Prepared,
) -> Result<Result<Position, Rejection>, BatchError> {
    let row =
        sqlx::query("SELECT zone, idx, body FROM log_entries WHERE emitter_id = $1 AND seq = $2")
            .bind(emitter_id)
            .bind(submission.columns.seq)
            .fetch_one(connection)
            .await?;
    let (zone, index): (String, u64) = (row.try_get("zone")?, unsigned(&row, "idx")?);
    let body: Vec<u8> = row.try_get("body")?;
    let same = submission.draft.opens(&body) && Record::from_canonical(&body).is_ok();
    Ok(if same {
        Ok(Position { zone, index })
    } else {
        Err(Rejection::Conflict { zone, index })
    })
}
