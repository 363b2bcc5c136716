//! The schema, and whether this database has it.

use std::collections::BTreeMap;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{AnyConnection, AssertSqlSafe};

use super::Dialect;

/// One text for both databases: the common subset of their SQL.
pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// Roles and rights on `PostgreSQL`; repeatable.
const ROLES: &str = include_str!("../../postgres/roles.sql");

/// Why a database has not the schema that this build needs.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The database does not answer.
    #[error("the schema could not be read")]
    Database(#[from] sqlx::Error),
    /// A step failed, or what was applied is not what this build knows.
    #[error("the schema could not be brought up to date")]
    Migrate(#[from] MigrateError),
    /// Steps are missing, and this role may not take them.
    #[error(
        "the schema is not up to date and this role may not change it: run `caracal db migrate` \
         as the owner of the database"
    )]
    NotOwner,
    /// Roles belong to a server.
    #[error("a SQLite file has no roles; its owner is the one who may use it")]
    NoRoles,
}

/// Takes the steps that are missing; asks for no right where there are none.
pub async fn bring_up_to_date(
    connection: &mut AnyConnection,
    dialect: Dialect,
    migrations: &Migrator,
) -> Result<(), SchemaError> {
    if is_up_to_date(connection, dialect, migrations).await? {
        return Ok(());
    }
    match migrations.run(&mut *connection).await {
        Err(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _))
            if is_refused(&error) =>
        {
            Err(SchemaError::NotOwner)
        }
        result => Ok(result?),
    }
}

/// Makes the roles and gives each what it needs of every table.
pub(super) async fn create_roles(
    connection: &mut AnyConnection,
    dialect: Dialect,
) -> Result<(), SchemaError> {
    match dialect {
        Dialect::Sqlite => Err(SchemaError::NoRoles),
        Dialect::Postgres => {
            sqlx::raw_sql(ROLES).execute(connection).await?;
            Ok(())
        }
    }
}

async fn is_up_to_date(
    connection: &mut AnyConnection,
    dialect: Dialect,
    migrations: &Migrator,
) -> Result<bool, SchemaError> {
    let tables = match dialect {
        Dialect::Sqlite => "SELECT name FROM sqlite_master WHERE name = $1",
        Dialect::Postgres => "SELECT 'there' WHERE to_regclass($1) IS NOT NULL",
    };
    let table = sqlx::query(tables).bind(migrations.table_name.as_ref().to_owned());
    let table = table.fetch_optional(&mut *connection).await?;
    if table.is_none() {
        return Ok(false);
    }
    let applied = format!(
        "SELECT version, checksum FROM {} WHERE success",
        migrations.table_name
    );
    // The name is the programmer's.
    let applied: Vec<(i64, Vec<u8>)> = sqlx::query_as(AssertSqlSafe(applied))
        .fetch_all(connection)
        .await?;
    let applied: BTreeMap<_, _> = applied.into_iter().collect();
    let known: BTreeMap<_, _> = migrations
        .iter()
        .map(|step| (step.version, step.checksum.to_vec()))
        .collect();
    Ok(applied == known)
}

/// `insufficient_privilege` of `PostgreSQL`.
fn is_refused(error: &sqlx::Error) -> bool {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    code.as_deref() == Some("42501")
}
