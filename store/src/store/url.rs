//! Which database, by URL.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use url::Url;

/// Parameters that the driver reads. It passes over any other, which would make a misspelt
/// `sslmode` an open door.
const PARAMETERS: &[&str] = &[
    "application_name",
    "dbname",
    "host",
    "password",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "user",
];

/// The place of an authority database: `sqlite:PATH`, or
/// `postgres://USER@HOST/DATABASE?sslmode=verify-full`.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A file.
    Sqlite(PathBuf),
    /// A database of a `PostgreSQL` server.
    Postgres(PostgresUrl),
}

/// The address of a `PostgreSQL` database. It may hold a password, so that it is never shown whole.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl(Url);

/// Why a text is no place of a database. Parts of it are named, but never a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseUrlError {
    /// Another kind of database, or none.
    #[error("a database is sqlite:PATH or postgres://USER@HOST/DATABASE")]
    Scheme,
    /// Not of the form of a URL.
    #[error("the database URL is not well-formed; percent-encode odd characters of the password")]
    Form,
    /// No file, or parameters behind it.
    #[error("sqlite: is followed by the path of a file, and by nothing else")]
    File,
    /// No database is named.
    #[error("the database URL names no database: postgres://USER@HOST/DATABASE")]
    NoDatabase,
    /// A parameter that would not have any effect.
    #[error("the database URL has the unknown parameter {0:?}; known are {known}", known = PARAMETERS.join(", "))]
    Parameter(String),
    /// A remote server, and nothing that says whether it has to prove who it is.
    #[error(
        "the database server is not on this machine: add sslmode=verify-full and, for an authority \
         of your own, sslrootcert=FILE; or say sslmode=disable where the network is trusted"
    )]
    SslMode,
}

impl FromStr for DatabaseUrl {
    type Err = DatabaseUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(rest) = text.strip_prefix("sqlite:") {
            let path = rest.strip_prefix("//").unwrap_or(rest);
            if path.is_empty() || path.contains('?') {
                return Err(DatabaseUrlError::File);
            }
            return Ok(Self::Sqlite(path.into()));
        }
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err(DatabaseUrlError::Scheme);
        }
        let url = Url::parse(text).map_err(|_| DatabaseUrlError::Form)?;
        PostgresUrl::new(url).map(Self::Postgres)
    }
}

impl PostgresUrl {
    fn new(url: Url) -> Result<Self, DatabaseUrlError> {
        let url = Self(url);
        let unknown = url.0.query_pairs().map(|(name, _)| name.into_owned());
        let unknown = unknown
            .into_iter()
            .find(|name| !PARAMETERS.contains(&&**name));
        if let Some(name) = unknown {
            return Err(DatabaseUrlError::Parameter(name));
        }
        if url.database().is_empty() {
            return Err(DatabaseUrlError::NoDatabase);
        }
        if !url.is_local() && url.parameter("sslmode").is_none() {
            return Err(DatabaseUrlError::SslMode);
        }
        Ok(url)
    }

    pub(crate) const fn as_url(&self) -> &Url {
        &self.0
    }

    fn parameter(&self, wanted: &str) -> Option<String> {
        // The last one counts for the driver too.
        let named = self.0.query_pairs().filter(|(name, _)| name == wanted);
        named.last().map(|(_, value)| value.into_owned())
    }

    fn host(&self) -> String {
        let host = || self.0.host_str().unwrap_or("localhost").replace("%2F", "/");
        self.parameter("host").unwrap_or_else(host)
    }

    fn database(&self) -> String {
        let path = || self.0.path().trim_start_matches('/').to_owned();
        self.parameter("dbname").unwrap_or_else(path)
    }

    /// Whether nobody stands between: a socket file, or the loopback interface.
    fn is_local(&self) -> bool {
        let host = self.host();
        let address = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<IpAddr>();
        host.starts_with('/')
            || host.is_empty()
            || host == "localhost"
            || address.is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self.parameter("user");
        let user = user.as_deref().unwrap_or_else(|| self.0.username());
        let at = if user.is_empty() { "" } else { "@" };
        let (host, database) = (self.host(), self.database());
        write!(f, "postgres://{user}{at}{host}/{database}")
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(url) => url.fmt(f),
        }
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresUrl({self})")
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

impl From<&Path> for DatabaseUrl {
    fn from(path: &Path) -> Self {
        Self::Sqlite(path.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_files_and_servers() {
        for (text, shown) in [
            ("sqlite:data/a.db", "sqlite:data/a.db"),
            ("sqlite:///var/lib/a.db", "sqlite:/var/lib/a.db"),
            ("postgres://localhost/a", "postgres://localhost/a"),
            ("postgresql://127.0.0.1:5433/a", "postgres://127.0.0.1/a"),
            ("postgres://u:pw@[::1]/a?user=v", "postgres://v@[::1]/a"),
            (
                "postgres:///a?host=/run/postgresql",
                "postgres:///run/postgresql/a",
            ),
            (
                "postgres://u@db.example/a?sslmode=verify-full",
                "postgres://u@db.example/a",
            ),
            (
                "postgres://u@db.example/?dbname=a&sslmode=disable",
                "postgres://u@db.example/a",
            ),
        ] {
            assert_eq!(text.parse::<DatabaseUrl>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn says_what_is_wrong_with_all_others() {
        use DatabaseUrlError::{File, Form, NoDatabase, Parameter, Scheme, SslMode};
        for (text, expected) in [
            ("", Scheme),
            ("mysql://localhost/a", Scheme),
            ("a.db", Scheme),
            ("sqlite:", File),
            ("sqlite:a.db?mode=ro", File),
            ("postgres://u:p@w:x@[h/a", Form),
            ("postgres://localhost", NoDatabase),
            ("postgres://db.example/a", SslMode),
            ("postgres://localhost/a?host=10.0.0.1", SslMode),
            (
                "postgres://db.example/a?sslmod=verify-full",
                Parameter("sslmod".to_owned()),
            ),
        ] {
            assert_eq!(text.parse::<DatabaseUrl>(), Err(expected), "{text:?}");
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        for text in [
            "postgres://u:hunter2@localhost/a",
            "postgres://u@localhost/a?password=hunter2",
        ] {
            let url: DatabaseUrl = text.parse().unwrap();
            assert!(!format!("{url} {url:?}").contains("hunter2"), "{url:?}");
        }
    }
}
