//! One transaction: entries, then the state of their logs, all or nothing.

mod emitters;
mod growth;
mod rows;
mod time;

use std::collections::{HashMap, VecDeque};

use caracal_store::Dialect;
use sqlx::{AnyConnection, Row as _};

use super::super::Position;
use super::super::append::{Prepared, Rejection, Request};
use super::super::known::{FollowError, KnownLogs};
use super::super::state::unsigned;
use super::super::storage::Writer;
use crate::record::Record;
pub(super) use emitters::Emitters;
use growth::Growth;
use rows::{Insert, Unwritable};

/// Rows of the first statement, for whose values the database waits.
const FIRST: usize = 64;

/// Why a batch was not written. The database is as before, unless the commit itself failed.
pub(super) enum BatchError {
    /// One submission of one request can never be written.
    Rejected {
        request: usize,
        index: usize,
        rejection: Rejection,
    },
    /// A log does not continue what this sequencer knows.
    Fenced(String),
    /// The disk, or the database.
    Storage(sqlx::Error),
}

impl From<sqlx::Error> for BatchError {
    fn from(error: sqlx::Error) -> Self {
        Self::Storage(error)
    }
}

impl From<FollowError> for BatchError {
    fn from(error: FollowError) -> Self {
        match error {
            FollowError::Storage(error) => Self::Storage(error),
            FollowError::Fenced(zone) => Self::Fenced(zone),
        }
    }
}

/// What the sequencer knows. It changes only with the database.
pub(super) struct Known {
    pub(super) logs: KnownLogs,
    pub(super) emitters: Emitters,
}

impl Known {
    pub(super) fn new(logs: KnownLogs) -> Self {
        let emitters = Emitters::default();
        Self { logs, emitters }
    }
}

/// Writes all requests and returns their positions.
pub(super) async fn write(
    writer: &Writer,
    connection: &mut AnyConnection,
    known: &mut Known,
    requests: &[Request],
    now_ms: u64,
) -> Result<Vec<Vec<Position>>, BatchError> {
    let mut transaction = writer.begin(connection).await?;
    let mut work = Work::new(known, now_ms, writer.dialect);
    let positions = if let Some(positions) = work.at_once(&mut transaction, requests).await? {
        positions
    } else {
        // Some of it is known already, or cannot be written: take it one by one, from the start.
        transaction.rollback().await?;
        transaction = writer.begin(connection).await?;
        work = Work::new(known, now_ms, writer.dialect);
        work.one_by_one(&mut transaction, requests).await?
    };
    let grown = work.grown;
    for (zone, growth) in &grown {
        growth::advance(&mut transaction, zone, growth).await?;
    }
    // An error may come after the point of no return. Then the log is longer than what is known, and
    // the next transaction finds it so.
    transaction.commit().await?;
    known.emitters.keep();
    for (zone, growth) in grown {
        let size = growth.after.size();
        if size > growth.before.size() {
            known.logs.commit_time(&zone, size, growth.recorded_ms);
        }
        known.logs.commit(zone, growth.after);
    }
    Ok(positions)
}

/// One transaction in the making.
struct Work<'a> {
    logs: &'a KnownLogs,
    emitters: &'a mut Emitters,
    grown: HashMap<String, Growth>,
    now_ms: u64,
    dialect: Dialect,
}

impl<'a> Work<'a> {
    fn new(known: &'a mut Known, now_ms: u64, dialect: Dialect) -> Self {
        let Known { logs, emitters } = known;
        emitters.begin();
        Self {
            logs,
            emitters,
            grown: HashMap::new(),
            now_ms,
            dialect,
        }
    }

    /// Writes everything at once. `None` when not every event is new and writable; then the
    /// transaction is to be rolled back.
    async fn at_once(
        &mut self,
        connection: &mut AnyConnection,
        requests: &[Request],
    ) -> Result<Option<Vec<Vec<Position>>>, BatchError> {
        let mut waiting = VecDeque::new();
        for submission in requests.iter().flat_map(|request| &request.submissions) {
            let emitter_id = self.emitters.id(connection, &submission.series).await?;
            self.growth(connection, submission).await?;
            waiting.push_back((emitter_id, submission));
        }
        let mut positions = Vec::with_capacity(waiting.len());
        let mut next = self.fill(FIRST, &mut waiting, &mut positions);
        while let Ok(Some(insert)) = next {
            // The database is at one statement while the values of the next one are put together.
            let fill = async { self.fill(usize::MAX, &mut waiting, &mut positions) };
            let (written, following) = tokio::join!(biased; insert.execute(connection), fill);
            match written {
                Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
                    return Ok(None);
                }
                written => written?,
            };
            next = following;
        }
        if next.is_err() {
            return Ok(None);
        }
        let mut positions = positions.into_iter();
        let taken = requests.iter().map(|request| {
            let count = request.submissions.len();
            positions.by_ref().take(count).collect()
        });
        Ok(Some(taken.collect()))
    }

    /// Appends as many of those who wait as one statement takes, and no more than so many.
    fn fill(
        &mut self,
        at_most: usize,
        waiting: &mut VecDeque<(i64, &Prepared)>,
        positions: &mut Vec<Position>,
    ) -> Result<Option<Insert>, Unwritable> {
        let Some(mut insert) = Insert::of_new(waiting.len().min(at_most), self.dialect) else {
            return Ok(None);
        };
        for (emitter_id, submission) in waiting.drain(..insert.rows()) {
            let growth = self.grown.get_mut(&submission.zone).ok_or(Unwritable)?;
            let position = insert.append(growth, emitter_id, submission)?;
            positions.push(position);
        }
        Ok(Some(insert))
    }

    /// Writes event after event, so that each is known for new, known already, or impossible.
    async fn one_by_one(
        &mut self,
        connection: &mut AnyConnection,
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
        connection: &mut AnyConnection,
        submission: &Prepared,
    ) -> Result<Result<Position, Rejection>, BatchError> {
        let dialect = self.dialect;
        let emitter_id = self.emitters.id(connection, &submission.series).await?;
        let growth = self.growth(connection, submission).await?;
        let (before, completed) = (growth.after.clone(), growth.completed.len());
        let mut insert = Insert::of_any(dialect);
        let Ok(position) = insert.append(growth, emitter_id, submission) else {
            return Ok(Err(Rejection::Json));
        };
        if !insert.execute(connection).await? {
            growth.after = before;
            growth.completed.truncate(completed);
            return duplicate(connection, emitter_id, submission).await;
        }
        Ok(Ok(position))
    }

    async fn growth(
        &mut self,
        connection: &mut AnyConnection,
        submission: &Prepared,
    ) -> Result<&mut Growth, BatchError> {
        let (logs, grown) = (self.logs, &mut self.grown);
        growth::of(connection, logs, grown, &submission.zone, self.now_ms).await
    }
}

/// Where the event stands already, or that its number belongs to another one.
async fn duplicate(
    connection: &mut AnyConnection,
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
