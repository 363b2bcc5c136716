//! What every connection is told before it is used.

use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyConnection, AnyPool, ConnectOptions as _, Connection as _};
use url::Url;

use super::{DatabaseUrl, Dialect, OpenError};

/// How long a caller waits for a free connection, or for a server that is starting.
const PATIENCE: Duration = Duration::from_secs(5);

/// Write-ahead log, so that readers never wait for the writer; a commit that was acknowledged
/// survives the loss of power; and 6 s of waiting for the writer of another process.
const SQLITE: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
    PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 6000";

/// - A commit that was acknowledged survives a crash, whatever the server's default is.
/// - Every statement sees what was committed before it began: the rules are read behind the lock
///   of the head.
/// - Nobody holds the head's lock for longer than 5 s: not who has stopped, nor who has gone.
const POSTGRES: &str = "SELECT set_config('default_transaction_isolation', 'read committed', false), \
    set_config('lock_timeout', '5s', false), \
    set_config('statement_timeout', '10s', false), \
    set_config('idle_in_transaction_session_timeout', '5s', false), \
    set_config('tcp_user_timeout', '5s', false), \
    set_config('synchronous_commit', CASE current_setting('synchronous_commit') \
        WHEN 'off' THEN 'on' WHEN 'local' THEN 'on' ELSE current_setting('synchronous_commit') END, \
        false)";

/// How connections to one database are made.
#[derive(Clone)]
pub(super) struct Connector {
    options: AnyConnectOptions,
    pub(super) dialect: Dialect,
}

impl Connector {
    pub(super) fn new(place: &DatabaseUrl) -> Result<Self, OpenError> {
        sqlx::any::install_default_drivers();
        let (url, dialect) = match place {
            DatabaseUrl::Sqlite(path) => {
                let path = std::path::absolute(path).map_err(OpenError::File)?;
                let file = Url::from_file_path(path).map_err(|()| OpenError::Path)?;
                let url = format!("sqlite://{}?mode=rw", file.path());
                (
                    Url::parse(&url).map_err(|_| OpenError::Path)?,
                    Dialect::Sqlite,
                )
            }
            DatabaseUrl::Postgres(url) => (url.as_url().clone(), Dialect::Postgres),
        };
        let options = AnyConnectOptions::from_url(&url)?;
        Ok(Self { options, dialect })
    }

    /// One connection, checked: the pool would try again until its patience ends, and lose the
    /// reason.
    pub(super) async fn first(&self) -> Result<AnyConnection, OpenError> {
        let connect = AnyConnection::connect_with(&self.options);
        let connection = tokio::time::timeout(PATIENCE, connect).await;
        let mut connection = connection.map_err(|_| OpenError::NoAnswer)??;
        prepare(&mut connection, self.dialect).await?;
        if is_replica(&mut connection, self.dialect).await? {
            return Err(OpenError::Replica);
        }
        Ok(connection)
    }

    pub(super) fn pool(&self, connections: u32) -> AnyPool {
        let dialect = self.dialect;
        AnyPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(PATIENCE)
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    prepare(connection, dialect).await?;
                    // After a failover the name may lead to a server that lags behind.
                    if is_replica(connection, dialect).await? {
                        return Err(sqlx::Error::Protocol("the server is a replica".to_owned()));
                    }
                    Ok(())
                })
            })
            .connect_lazy_with(self.options.clone())
    }
}

async fn prepare(connection: &mut AnyConnection, dialect: Dialect) -> Result<(), sqlx::Error> {
    match dialect {
        Dialect::Sqlite => sqlx::raw_sql(SQLITE).execute(connection).await?,
        Dialect::Postgres => sqlx::raw_sql(POSTGRES).execute(connection).await?,
    };
    Ok(())
}

/// The head is read where it is written: a replica would confirm what is outdated.
async fn is_replica(connection: &mut AnyConnection, dialect: Dialect) -> Result<bool, sqlx::Error> {
    match dialect {
        Dialect::Sqlite => Ok(false),
        Dialect::Postgres => {
            let query = sqlx::query_scalar("SELECT pg_is_in_recovery()");
            query.fetch_one(connection).await
        }
    }
}
