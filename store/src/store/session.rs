//! What every connection is told before it is used.

use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyConnection, AnyPool, ConnectOptions as _, Connection as _};
use url::Url;

use super::{DatabaseUrl, Dialect, OpenError};

/// How long a caller waits for a free connection, or for a server that is starting.
const PATIENCE: Duration = Duration::from_secs(5);

/// Write-ahead log, so that readers never wait for the writer; a commit that was acknowledged
/// survives the loss of power; and 6 s of waiting for the writer of another process.
///
/// Pages of 8 KiB, in new files: a ledger entry has about 1 kB, so that twice the default halves the
/// writes of a batch. 16 MiB of them are kept, eight times the default: with the fresh ends of all of the
/// ledger's indices in memory, a batch reads nothing.
const SQLITE: &str = "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
    PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 6000; PRAGMA cache_size = -16384";

/// What who appends to a file is told besides. References of a row that is written with all that it refers to
/// need no look. And others move what was committed into the file ([`Connector::appending`]): only if they do not
/// keep up, the one who appends does so too, at 64 MiB.
const SQLITE_APPENDING: &str = "PRAGMA foreign_keys = OFF; PRAGMA wal_autocheckpoint = 8192";

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

/// How connections to one database are made: each is told how to keep what was promised.
#[derive(Debug, Clone)]
pub struct Connector {
    options: AnyConnectOptions,
    dialect: Dialect,
    appends: bool,
}

impl Connector {
    /// Looks at the place; a file is made when there is none, for its owner only.
    pub fn new(place: &DatabaseUrl) -> Result<Self, OpenError> {
        if let DatabaseUrl::Sqlite(path) = place {
            // Before SQLite makes it: its own files beside this one take over the mode.
            std::fs::OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(path)
                .and_then(|file| file.set_permissions(std::fs::Permissions::from_mode(0o600)))
                .map_err(OpenError::File)?;
        }
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
        Ok(Self {
            options,
            dialect,
            appends: false,
        })
    }

    /// Connections for who only appends, on a `SQLite` file: references stay unchecked, and of the write-ahead
    /// log nothing is moved into the file until it has 64 MiB. Somebody else is to do that before. On a server
    /// both are matters of its own.
    #[must_use]
    pub fn appending(self) -> Self {
        Self {
            appends: true,
            ..self
        }
    }

    /// What the database speaks.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// One connection, checked: the pool would try again until its patience ends, and lose the
    /// reason.
    pub async fn first(&self) -> Result<AnyConnection, OpenError> {
        let connect = AnyConnection::connect_with(&self.options);
        let connection = tokio::time::timeout(PATIENCE, connect).await;
        let mut connection = connection.map_err(|_| OpenError::NoAnswer)??;
        prepare(&mut connection, self.dialect, self.appends).await?;
        if is_replica(&mut connection, self.dialect).await? {
            return Err(OpenError::Replica);
        }
        Ok(connection)
    }

    /// A pool of so many connections at most, each made when it is needed.
    #[must_use]
    pub fn pool(&self, connections: u32) -> AnyPool {
        let (dialect, appends) = (self.dialect, self.appends);
        AnyPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(PATIENCE)
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    prepare(connection, dialect, appends).await?;
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

async fn prepare(
    connection: &mut AnyConnection,
    dialect: Dialect,
    appends: bool,
) -> Result<(), sqlx::Error> {
    let settings = match dialect {
        Dialect::Sqlite => SQLITE,
        Dialect::Postgres => POSTGRES,
    };
    sqlx::raw_sql(settings).execute(&mut *connection).await?;
    if dialect == Dialect::Sqlite && appends {
        let appending = sqlx::raw_sql(SQLITE_APPENDING);
        appending.execute(connection).await?;
    }
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
