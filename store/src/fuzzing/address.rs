//! Addresses: of databases, of issuers and their keys; and what is revoked.

use std::fmt::Display;
use std::str::FromStr;

use url::Url;

use crate::DatabaseUrl;
use crate::model::{IssuerUrl, KeysUrl, RevocationTarget, TimeOfDay, WeeklyWindow};

/// A password.
const ANOTHER: &str = "another";

/// An address that is taken says to everybody what it says here: no user in it, no fragment, and
/// TLS unless it is this machine. A database's password is never shown. What else is read is
/// written as it was read.
///
/// # Panics
/// When the input breaks the law.
#[must_use]
pub fn address(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else {
        return false;
    };
    let issuer = text.parse::<IssuerUrl>().is_ok();
    let keys = text.parse::<KeysUrl>().is_ok();
    assert!(!issuer || keys, "an issuer's address may be one of keys");
    if keys && let Ok(url) = Url::parse(text) {
        assert!(url.username().is_empty() && url.password().is_none() && url.fragment().is_none());
        let host = url.host_str().unwrap_or_default();
        let loopback = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
        assert!(
            url.scheme() == "https" || (url.scheme() == "http" && loopback),
            "{text:?}"
        );
        assert!(!issuer || url.query().is_none());
    }
    let read = [
        keys,
        database(text),
        stays::<RevocationTarget>(text),
        stays::<TimeOfDay>(text),
        text.parse::<WeeklyWindow>().is_ok_and(|window| {
            let again = window.to_string().parse::<WeeklyWindow>();
            again.is_ok_and(|again| again == window)
        }),
    ];
    read.contains(&true)
}

/// What is shown of a database is the same whatever its password is.
fn database(text: &str) -> bool {
    let Ok(database) = text.parse::<DatabaseUrl>() else {
        return false;
    };
    if let (DatabaseUrl::Postgres(_), Ok(mut url)) = (&database, Url::parse(text)) {
        let pairs: Vec<_> = url
            .query_pairs()
            .into_owned()
            .map(|(name, value)| match &*name {
                "password" => (name, ANOTHER.to_owned()),
                _ => (name, value),
            })
            .collect();
        url.query_pairs_mut().clear().extend_pairs(pairs);
        if url.password().is_some() {
            assert_eq!(url.set_password(Some(ANOTHER)), Ok(()));
        }
        let shown = |database: DatabaseUrl| format!("{database} {database:?}");
        let other = url.as_str().parse::<DatabaseUrl>();
        assert_eq!(other.map(shown), Ok(shown(database)), "{text:?}");
    }
    true
}

fn stays<T: FromStr + Display>(text: &str) -> bool {
    text.parse::<T>().is_ok_and(|word| {
        assert_eq!(word.to_string(), text);
        true
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn seeds_are_read_as_their_names_say() {
        let seeds = [
            ("good-issuer", "https://idp.example/realms/a"),
            ("good-keys", "https://idp.example/keys?v=1"),
            ("good-loopback", "http://[::1]:8080/keys"),
            ("good-sqlite", "sqlite:///var/lib/a.db"),
            (
                "good-postgres",
                "postgres://u:hunter2@db.example/a?sslmode=verify-full",
            ),
            (
                "good-socket",
                "postgres:///a?host=/run/postgresql&password=hunter2",
            ),
            (
                "good-like-its-password",
                "postgres:///a?host=/run/postgresql&password=postgre",
            ),
            ("good-target", "session/ses_1"),
            ("good-time", "24:00"),
            ("good-window", "mon-fri 08:00-18:00"),
            ("bad-user", "https://user@idp.example/keys"),
            ("bad-plain", "http://idp.example"),
            ("bad-remote", "postgres://db.example/a"),
            ("bad-parameter", "postgres://localhost/a?sslmod=verify-full"),
        ];
        let seeds = seeds.map(|(name, text)| (name, text.as_bytes().to_vec()));
        caracal_seeds::hold("address", &seeds, super::address).unwrap();
    }
}
