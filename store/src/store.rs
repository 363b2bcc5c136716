//! The database behind the authority state.

mod moments;
mod schema;
mod session;
mod url;

use std::fmt;
use std::io;
use std::path::Path;

use sqlx::{AnyPool, Connection as _};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::number::unsigned;
pub(crate) use moments::Moments;
pub use schema::{SchemaError, bring_up_to_date};
pub use session::Connector;
pub use url::{DatabaseUrl, DatabaseUrlError, PostgresUrl};

/// Readers at the same time. They never wait for the writer.
const READERS: u32 = 4;

/// One connection to the database.
pub(crate) type Connection = sqlx::AnyConnection;

/// What the few statements that are not common to both databases depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// A `SQLite` file.
    Sqlite,
    /// A `PostgreSQL` server.
    Postgres,
}

/// The authority state. A cheap handle; clones share everything.
#[derive(Clone)]
pub struct Store {
    pub(crate) readers: AnyPool,
    /// One connection: writers of this process queue here in order of arrival. Those of others wait
    /// at the head of the log.
    pub(crate) writer: AnyPool,
    pub(crate) dialect: Dialect,
    pub(crate) commits: watch::Sender<u64>,
    pub(crate) moments: Moments,
    pub(crate) term: u64,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            readers: _,
            writer: _,
            dialect,
            commits,
            moments: _,
            term,
        } = self;
        f.debug_struct("Store")
            .field("dialect", dialect)
            .field("term", term)
            .field("seen", &*commits.borrow())
            .finish()
    }
}

/// Why the database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be made, or its mode cannot be set.
    #[error("the database file is not accessible")]
    File(#[source] io::Error),
    /// The path cannot be written as the database wants it.
    #[error("the path of the database file is not usable")]
    Path,
    /// The server could not be reached, or refuses.
    #[error("the database does not open: check host, database, role and password")]
    Database(#[from] sqlx::Error),
    /// Nothing came back.
    #[error("the database server does not answer: check host and port, and whether it runs")]
    NoAnswer,
    /// A copy that lags behind.
    #[error("the database server is a read-only replica: give the address of the primary")]
    Replica,
    /// The schema is not one that this build can use.
    #[error(transparent)]
    Schema(#[from] SchemaError),
}

impl Store {
    /// Opens the file at `path` and brings its schema up to date; makes it when there is none.
    /// The file is readable by its owner only.
    pub async fn open(path: &Path) -> Result<Self, OpenError> {
        Self::connect(&path.into()).await
    }

    /// Opens a database and brings its schema up to date, as far as the role may. A file is made
    /// when there is none; a database of a server has to be there.
    pub async fn connect(place: &DatabaseUrl) -> Result<Self, OpenError> {
        let connector = Connector::new(place)?;
        let mut first = connector.first().await?;
        bring_up_to_date(&mut first, connector.dialect(), &schema::MIGRATIONS).await?;
        let (term, head): (i64, i64) = sqlx::query_as("SELECT term, head FROM meta")
            .fetch_one(&mut first)
            .await?;
        first.close().await?;
        Ok(Self {
            readers: connector.pool(READERS),
            writer: connector.pool(1),
            dialect: connector.dialect(),
            commits: watch::Sender::new(unsigned(head)?),
            moments: Moments::default(),
            term: unsigned(term)?,
        })
    }

    /// Brings the schema up to date, as the owner of the database.
    pub async fn migrate(place: &DatabaseUrl) -> Result<(), OpenError> {
        let connector = Connector::new(place)?;
        let mut first = connector.first().await?;
        bring_up_to_date(&mut first, connector.dialect(), &schema::MIGRATIONS).await?;
        Ok(first.close().await?)
    }

    /// Makes the roles of a server, as the owner of the database who may make roles: each service
    /// gets what it needs and nothing more. To be repeated after [`Self::migrate`].
    pub async fn create_roles(place: &DatabaseUrl) -> Result<(), OpenError> {
        let connector = Connector::new(place)?;
        let mut first = connector.first().await?;
        schema::create_roles(&mut first, connector.dialect()).await?;
        Ok(first.close().await?)
    }

    /// Declares that the log begins anew from where it ends: after a backup was put back, or after a
    /// failover that lost commits. Who followed the old one can neither read nor write until it has
    /// started again. Returns the new term.
    pub async fn raise_term(place: &DatabaseUrl) -> Result<u64, OpenError> {
        let connector = Connector::new(place)?;
        let mut first = connector.first().await?;
        let (term,): (i64,) = sqlx::query_as("UPDATE meta SET term = term + 1 RETURNING term")
            .fetch_one(&mut first)
            .await?;
        first.close().await?;
        Ok(unsigned(term)?)
    }

    /// Incarnation of the log.
    #[must_use]
    pub const fn term(&self) -> u64 {
        self.term
    }

    /// Wakes when this process has committed something. Another process's commits do not show
    /// here, so it saves time and proves nothing.
    #[must_use]
    pub fn commits(&self) -> watch::Receiver<u64> {
        self.commits.subscribe()
    }

    /// When this process handed one of its latest changes to the database to be made durable: just
    /// before the commit, so what the disk takes counts as well. For measurements.
    #[must_use]
    pub fn commit_began(&self, seq: u64) -> Option<Instant> {
        self.moments.of(seq)
    }

    /// Closes the database after the running statements. Later calls fail.
    pub async fn close(&self) {
        self.writer.close().await;
        self.readers.close().await;
    }
}
