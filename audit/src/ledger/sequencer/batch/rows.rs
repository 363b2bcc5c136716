//! Entries as rows, written many at a time: a statement for each costs more than the row itself.

use std::sync::{Arc, LazyLock};

use caracal_store::Dialect;
use sqlx::any::AnyArguments;
use sqlx::{AnyConnection, Arguments as _, AssertSqlSafe, SqlSafeStr as _, SqlStr};

use super::super::super::Position;
use super::super::super::append::Prepared;
use super::super::super::state::signed;
use super::Growth;
use crate::merkle::Hash;
use crate::record::request_key::NEW;

/// Values of a row.
const COLUMNS: usize = 15;

/// A submission that cannot be written as JSON, or not as the values of a row.
pub(super) struct Unwritable;

/// A statement for a fixed number of rows, so that each is prepared once.
struct Statement {
    rows: usize,
    sql: SqlStr,
}

/// Statements for new rows, largest first: one is a way to the database's thread and back, so the few rows of
/// a busy moment go in one, and many in few.
static SQLITE: LazyLock<Vec<Statement>> = LazyLock::new(|| new_rows(Dialect::Sqlite));
static POSTGRES: LazyLock<Vec<Statement>> = LazyLock::new(|| new_rows(Dialect::Postgres));
/// Statements for a row that may be there.
static SQLITE_ANY: LazyLock<Statement> = LazyLock::new(|| any_row(Dialect::Sqlite));
static POSTGRES_ANY: LazyLock<Statement> = LazyLock::new(|| any_row(Dialect::Postgres));

/// A row that is there is an error. To look for it first took a third of the time on `PostgreSQL`.
fn new_rows(dialect: Dialect) -> Vec<Statement> {
    let sizes = [256, 128, 64].into_iter().chain((1..=32).rev());
    sizes.map(|rows| statement(dialect, rows, "")).collect()
}

/// A clash of (zone, idx) is not covered by the last clause: it fails, as it must.
fn any_row(dialect: Dialect) -> Statement {
    statement(dialect, 1, " ON CONFLICT (emitter_id, seq) DO NOTHING")
}

fn statement(dialect: Dialect, rows: usize, clause: &str) -> Statement {
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
    let sql = format!(
        "{verb} INTO log_entries (zone, idx, emitter_id, seq, recorded_ms, \
         request_id, request_key, mandate, mandate_key, application, resource, outcome, reason, \
         leaf_hash, body) \
         VALUES {}{clause}",
        (0..rows).map(row).collect::<Vec<_>>().join(", ")
    );
    let sql = AssertSqlSafe(Arc::<str>::from(sql)).into_sql_str();
    Statement { rows, sql }
}

/// A statement and the values of its rows.
pub(super) struct Insert {
    statement: &'static Statement,
    values: AnyArguments,
}

impl Insert {
    /// The largest one for at most so many rows, all of them new; none for none.
    pub(super) fn of_new(at_most: usize, dialect: Dialect) -> Option<Self> {
        let statements = match dialect {
            Dialect::Sqlite => &SQLITE,
            Dialect::Postgres => &POSTGRES,
        };
        let mut statements = statements.iter();
        statements.find(|one| one.rows <= at_most).map(Self::of)
    }

    /// That for one row, new or not.
    pub(super) fn of_any(dialect: Dialect) -> Self {
        Self::of(match dialect {
            Dialect::Sqlite => &SQLITE_ANY,
            Dialect::Postgres => &POSTGRES_ANY,
        })
    }

    fn of(statement: &'static Statement) -> Self {
        let mut values = AnyArguments::default();
        values.reserve(statement.rows.saturating_mul(COLUMNS), 0);
        Self { statement, values }
    }

    /// Rows that are to be appended before it is executed.
    pub(super) fn rows(&self) -> usize {
        self.statement.rows
    }

    /// Appends a submission to its log, and to the rows.
    pub(super) fn append(
        &mut self,
        growth: &mut Growth,
        emitter_id: i64,
        submission: &Prepared,
    ) -> Result<Position, Unwritable> {
        let recorded_ms = growth.recorded_ms;
        let body = submission.draft.at(recorded_ms).map_err(|_| Unwritable)?;
        let leaf = Hash::leaf(&body);
        let index = growth.after.size();
        growth.append(leaf);
        let columns = &submission.columns;
        let request_id = columns.request_id.as_deref();
        let mandate = columns.mandate.as_deref();
        let key = |id: &str| NEW.key(index, id);
        let row = Values(&mut self.values)
            .add(&*growth.zone)?
            .add(signed(index))?
            .add(emitter_id)?
            .add(columns.seq)?
            .add(signed(recorded_ms))?
            .add(request_id)?
            .add(request_id.map(key))?
            .add(mandate)?
            .add(mandate.map(key))?
            .add(columns.application.as_deref())?
            .add(columns.resource.as_deref())?
            .add(&*columns.outcome)?
            .add(columns.reason.as_deref())?
            .add(leaf.0.as_slice())?
            .add(body.as_slice());
        row.map(|_| Position {
            zone: submission.zone.clone(),
            index,
        })
    }

    /// Writes the rows; tells whether every one was new.
    pub(super) async fn execute(self, connection: &mut AnyConnection) -> Result<bool, sqlx::Error> {
        let Self { statement, values } = self;
        let inserted = sqlx::query_with(statement.sql.clone(), values)
            .execute(connection)
            .await?;
        Ok(u64::try_from(statement.rows) == Ok(inserted.rows_affected()))
    }
}

struct Values<'a>(&'a mut AnyArguments);

impl Values<'_> {
    fn add<'t, T>(self, value: T) -> Result<Self, Unwritable>
    where
        T: sqlx::Encode<'t, sqlx::Any> + sqlx::Type<sqlx::Any>,
    {
        self.0.add(value).map_err(|_| Unwritable)?;
        Ok(self)
    }
}
