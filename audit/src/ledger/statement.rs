//! A statement in the making. Both databases number its values alike.

use caracal_store::Dialect;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::{AnyPool, Arguments as _, AssertSqlSafe};

use super::state::signed;
use crate::record::request_key::{NEW, OLD};

/// What entries are found by through an index.
#[derive(Debug, Clone, Copy)]
pub(super) enum By {
    /// The request that was decided on.
    Request,
    /// The mandate that was issued.
    Mandate,
}

/// A statement and its values. Text comes from the program alone; what a caller gives is a value.
#[derive(Default)]
pub(super) struct Statement {
    sql: String,
    values: AnyArguments,
    unusable: Option<sqlx::Error>,
}

impl Statement {
    /// Goes on with a piece of the statement.
    pub(super) fn push(&mut self, piece: &'static str) -> &mut Self {
        self.sql.push_str(piece);
        self
    }

    /// Goes on with a value.
    pub(super) fn value<T>(&mut self, value: T) -> &mut Self
    where
        T: for<'t> sqlx::Encode<'t, sqlx::Any> + sqlx::Type<sqlx::Any>,
    {
        if let Err(error) = self.values.add(value) {
            self.unusable = Some(sqlx::Error::Encode(error));
        }
        self.sql.push('$');
        self.sql.push_str(&self.values.len().to_string());
        self
    }

    /// Begins a statement that looks into every segment of an index, see [`Segments`](crate::record::request_key::Segments).
    pub(super) fn by(&mut self, by: By, dialect: Dialect, zone: &str, id: String) -> &mut Self {
        let mut word = "WITH RECURSIVE segment (key, stride) AS (SELECT ";
        for segments in [NEW, OLD] {
            self.push(word)
                .push("size / ")
                .value(signed(segments.length))
                .push(" * ")
                .value(segments.stride())
                .push(" + ")
                .value(segments.key(0, &id))
                .push(", ")
                .value(segments.stride())
                .push(" FROM log_state WHERE zone = ")
                .value(zone.to_owned());
            word = " UNION ALL SELECT ";
        }
        self.push(" UNION ALL SELECT key - stride, stride FROM segment WHERE key >= stride)")
            // Once each: a key can be of either cut.
            .push(" SELECT idx, body FROM (SELECT DISTINCT key FROM segment) AS keys ")
            .push(match (dialect, by) {
                // Told outright: its planner knows nothing of how many entries share a key.
                (Dialect::Sqlite, By::Request) => {
                    "CROSS JOIN log_entries INDEXED BY log_entries_request"
                }
                (Dialect::Sqlite, By::Mandate) => {
                    "CROSS JOIN log_entries INDEXED BY log_entries_mandate"
                }
                (Dialect::Postgres, By::Request | By::Mandate) => "JOIN log_entries",
            })
            .push(match by {
                By::Request => " ON request_key = key WHERE request_id = ",
                By::Mandate => " ON mandate_key = key WHERE mandate = ",
            })
            .value(id)
    }

    /// Goes on with a condition: these bytes are somewhere in the body. Neither database uses an index
    /// for it, and both compare bytes, not characters.
    pub(super) fn body_has(&mut self, dialect: Dialect, bytes: Vec<u8>) -> &mut Self {
        match dialect {
            Dialect::Sqlite => self.push(" AND instr(body, ").value(bytes).push(") > 0"),
            Dialect::Postgres => self
                .push(" AND position(")
                .value(bytes)
                .push(" IN body) > 0"),
        }
    }

    /// Runs it.
    pub(super) async fn fetch(self, pool: &AnyPool) -> Result<Vec<AnyRow>, sqlx::Error> {
        let Self {
            sql,
            values,
            unusable,
        } = self;
        if let Some(error) = unusable {
            return Err(error);
        }
        sqlx::query_with(AssertSqlSafe(sql), values)
            .fetch_all(pool)
            .await
    }
}
