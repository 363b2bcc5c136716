//! The database, and whose turn it is to write.

use std::path::Path;
use std::sync::LazyLock;

use caracal_store::{Connector, DatabaseUrl, Dialect, OpenError, SchemaError, bring_up_to_date};
use sqlx::migrate::Migrator;
use sqlx::{Any, AnyConnection, AnyPool, Connection as _, Transaction};

use super::backfill::Backfill;

const READERS: u32 = 4;

/// The schema. Its book-keeping has a name of its own: ledger and authority may share a database.
pub(super) static MIGRATIONS: LazyLock<Migrator> = LazyLock::new(|| {
    let mut migrations = sqlx::migrate!("./migrations");
    migrations.dangerous_set_table_name("ledger_migrations");
    migrations
});

/// What only a server has to be told. A reference of each entry that was appended was looked up again, which
/// took a third of the time: what it leads to is written in the same transaction, and the verifier follows it.
static POSTGRES_MIGRATIONS: LazyLock<Migrator> = LazyLock::new(|| {
    let mut migrations = sqlx::migrate!("./postgres/migrations");
    migrations.dangerous_set_table_name("ledger_postgres_migrations");
    migrations
});

/// The ledger's database.
pub(super) struct Storage {
    /// One connection: there is one sequencer in this process.
    pub(super) writer: Writer,
    pub(super) readers: AnyPool,
}

impl Storage {
    pub(super) async fn open(place: &DatabaseUrl) -> Result<Self, OpenError> {
        let connector = Connector::new(place)?;
        migrate(&connector).await?;
        let dialect = connector.dialect();
        let pool = connector.clone().appending().pool(1);
        let backfill = (dialect == Dialect::Sqlite).then(|| Backfill::start(connector.pool(1)));
        Ok(Self {
            writer: Writer {
                pool,
                dialect,
                backfill,
            },
            readers: connector.pool(READERS),
        })
    }
}

/// Takes the steps that the schema lacks.
pub(super) async fn migrate(connector: &Connector) -> Result<(), OpenError> {
    Ok(migrated(connector).await?.close().await?)
}

/// A new ledger file without a log in it.
pub(crate) async fn new_file(path: &Path) -> Result<AnyConnection, OpenError> {
    migrated(&Connector::new(&path.into())?).await
}

async fn migrated(connector: &Connector) -> Result<AnyConnection, OpenError> {
    let mut first = connector.first().await?;
    let dialect = connector.dialect();
    bring_up_to_date(&mut first, dialect, &MIGRATIONS).await?;
    if dialect == Dialect::Postgres {
        bring_up_to_date(&mut first, dialect, &POSTGRES_MIGRATIONS).await?;
    }
    Ok(first)
}

/// Makes the role of whoever writes the ledger.
pub(super) async fn create_roles(connector: &Connector) -> Result<(), OpenError> {
    let mut first = connector.first().await?;
    match connector.dialect() {
        Dialect::Sqlite => return Err(SchemaError::NoRoles.into()),
        Dialect::Postgres => {
            let roles = include_str!("../../postgres/roles.sql");
            sqlx::raw_sql(roles).execute(&mut first).await?;
        }
    }
    Ok(first.close().await?)
}

/// The connection that writes.
pub(super) struct Writer {
    pub(super) pool: AnyPool,
    pub(super) dialect: Dialect,
    /// Of a file: who moves what was committed into it.
    backfill: Option<Backfill>,
}

impl Writer {
    /// After a commit.
    pub(super) fn committed(&self) {
        if let Some(backfill) = &self.backfill {
            backfill.ring();
        }
    }

    /// Gives the connections back.
    pub(super) async fn close(&self) {
        if let Some(backfill) = &self.backfill {
            backfill.stop().await;
        }
        self.pool.close().await;
    }

    /// Begins a transaction and waits for its turn: from here to its end nobody else writes, in this
    /// process or another. So what is read here stays true until the commit, and the logs of all
    /// replicas are one.
    pub(super) async fn begin<'c>(
        &self,
        connection: &'c mut AnyConnection,
    ) -> Result<Transaction<'c, Any>, sqlx::Error> {
        match self.dialect {
            // The write lock from the start: a lock that is upgraded later can fail half way.
            Dialect::Sqlite => connection.begin_with("BEGIN IMMEDIATE").await,
            Dialect::Postgres => {
                let mut transaction = connection.begin().await?;
                sqlx::query("SELECT turn FROM sequencer FOR UPDATE")
                    .execute(&mut *transaction)
                    .await?;
                Ok(transaction)
            }
        }
    }
}
