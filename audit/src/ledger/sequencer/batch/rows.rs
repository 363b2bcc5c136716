//! Entries as rows, written many at a time: a statement for each costs more than the row itself.

use std::sync::{Arc, LazyLock};

use caracal_store::Dialect;
use sqlx::any::AnyQueryResult;
use sqlx::{AnyConnection, AssertSqlSafe, SqlSafeStr as _, SqlStr};

use super::super::super::Position;
use super::super::super::append::Prepared;
use super::super::super::state::signed;
use super::Growth;
use crate::merkle::Hash;
use crate::record::request_key::search_key;

/// One entry at its place.
pub(super) struct Row<'a> {
    zone: Arc<str>,
    index: u64,
    emitter_id: i64,
    recorded_ms: u64,
    leaf: Hash,
    body: Vec<u8>,
    submission: &'a Prepared,
}

impl<'a> Row<'a> {
    /// Appends a submission to its log; `None` when it cannot be written as JSON.
    pub(super) fn append(
        growth: &mut Growth,
        emitter_id: i64,
        submission: &'a Prepared,
    ) -> Option<(Self, Position)> {
        let recorded_ms = growth.recorded_ms;
        let body = submission.draft.at(recorded_ms).ok()?;
        let leaf = Hash::leaf(&body);
        let index = growth.after.size();
        growth.append(leaf);
        let position = Position {
            zone: submission.zone.clone(),
            index,
        };
        let row = Self {
            zone: Arc::clone(&growth.zone),
            index,
            emitter_id,
            recorded_ms,
            leaf,
            body,
            submission,
        };
        Some((row, position))
    }
}

/// Values of a row.
const COLUMNS: usize = 15;

/// A statement for a fixed number of rows, so that each is prepared once.
struct Statement {
    rows: usize,
    sql: SqlStr,
}

/// Largest first. A statement is a way to the database's thread and back, so the few rows of a busy
/// moment go in one, and many in few.
fn statements(dialect: Dialect) -> Vec<Statement> {
    let sizes = [256, 128, 64].into_iter().chain((1..=32).rev());
    sizes.map(|rows| Statement::new(dialect, rows)).collect()
}

static SQLITE: LazyLock<Vec<Statement>> = LazyLock::new(|| statements(Dialect::Sqlite));
static POSTGRES: LazyLock<Vec<Statement>> = LazyLock::new(|| statements(Dialect::Postgres));

impl Statement {
    fn new(dialect: Dialect, rows: usize) -> Self {
        let verb = match dialect {
            // ABORT would keep a journal of the statement, to undo half of it; here a failure undoes
            // the whole transaction anyway.
            Dialect::Sqlite => "INSERT OR FAIL",
            Dialect::Postgres => "INSERT",
        };
        let row = |at: usize| {
            let first = at.saturating_mul(COLUMNS);
            let value = |value| match dialect {
                // `$1` is a name there. The driver looks up the name of each value, each time from the
                // first one on: at 256 rows that was half of all that a recorded decision cost.
                Dialect::Sqlite => "?".to_owned(),
                Dialect::Postgres => format!("${}", first.saturating_add(value)),
            };
            let values: Vec<_> = (1..=COLUMNS).map(value).collect();
            format!("({})", values.join(", "))
        };
        // A clash of (zone, idx) is not covered by the last clause: it fails, as it must.
        let sql = format!(
            "{verb} INTO log_entries (zone, idx, emitter_id, seq, recorded_ms, \
             request_id, request_key, mandate, mandate_key, application, resource, outcome, reason, \
             leaf_hash, body) \
             VALUES {} ON CONFLICT (emitter_id, seq) DO NOTHING",
            (0..rows).map(row).collect::<Vec<_>>().join(", ")
        );
        let sql = AssertSqlSafe(Arc::<str>::from(sql)).into_sql_str();
        Self { rows, sql }
    }

    async fn insert(
        &self,
        connection: &mut AnyConnection,
        rows: impl Iterator<Item = Row<'_>>,
    ) -> Result<AnyQueryResult, sqlx::Error> {
        let mut query = sqlx::query(self.sql.clone());
        for row in rows {
            let Row {
                zone,
                index,
                emitter_id,
                recorded_ms,
                leaf,
                body,
                submission,
            } = row;
            let columns = &submission.columns;
            let request_id = columns.request_id.as_deref();
            let mandate = columns.mandate.as_deref();
            let key = |id: &str| search_key(index, id);
            query = query
                .bind(&*zone)
                .bind(signed(index))
                .bind(emitter_id)
                .bind(columns.seq)
                .bind(signed(recorded_ms))
                .bind(request_id)
                .bind(request_id.map(key))
                .bind(mandate)
                .bind(mandate.map(key))
                .bind(columns.application.as_deref())
                .bind(columns.resource.as_deref())
                .bind(&*columns.outcome)
                .bind(columns.reason.as_deref())
                .bind(leaf.0.to_vec())
                .bind(body);
        }
        query.execute(connection).await
    }
}

/// Inserts rows; tells whether every one was new.
pub(super) async fn insert(
    connection: &mut AnyConnection,
    dialect: Dialect,
    rows: Vec<Row<'_>>,
) -> Result<bool, sqlx::Error> {
    let statements = match dialect {
        Dialect::Sqlite => &SQLITE,
        Dialect::Postgres => &POSTGRES,
    };
    let mut left = rows.len();
    let mut rows = rows.into_iter();
    for statement in statements.iter() {
        let size = statement.rows;
        while left >= size {
            let inserted = statement
                .insert(connection, rows.by_ref().take(size))
                .await?;
            if inserted.rows_affected() != u64::try_from(size).unwrap_or(u64::MAX) {
                return Ok(false);
            }
            left = left.saturating_sub(size);
        }
    }
    Ok(true)
}
