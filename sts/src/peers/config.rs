//! Where Redis is, and who one is there.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use caracal_mandate::name::Name;
use redis::{IntoConnectionInfo as _, TlsCertificates};
use url::Url;

use super::key::PeerKey;

/// How this replica takes part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisConfig {
    /// The server.
    pub url: RedisUrl,
    /// Certificates, PEM, of the authorities that a `rediss` server is believed by; without them those
    /// that the system believes.
    pub authorities: Option<Vec<u8>>,
    /// The key that the replicas share.
    pub key: PeerKey,
    /// Name of this replica: no other one's, and the same after a restart.
    pub replica: Name,
    /// What the names of all keys in Redis begin with: one for each installation.
    pub prefix: String,
    /// The times.
    pub timing: PeerTiming,
}

impl RedisConfig {
    /// With the prefix `caracal:` and the default times.
    #[must_use]
    pub fn new(url: RedisUrl, key: PeerKey, replica: Name) -> Self {
        Self {
            url,
            authorities: None,
            key,
            replica,
            prefix: "caracal:".to_owned(),
            timing: PeerTiming::default(),
        }
    }

    pub(super) fn client(&self) -> redis::RedisResult<redis::Client> {
        self.url.client(self.authorities.clone())
    }
}

/// Times between replicas. None of them is a bound on anything that must not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerTiming {
    /// How old a message may be, and how far in the future: as far as clocks are apart, and then some.
    pub freshness: Duration,
    /// How often a replica looks after its group: what was delivered and never acknowledged, and the
    /// groups of replicas that are gone.
    pub upkeep: Duration,
    /// How long a delivered message may stay unacknowledged before it is delivered again.
    pub reclaim_after: Duration,
    /// How long after the last sign of a replica its group is destroyed.
    pub retention: Duration,
}

impl Default for PeerTiming {
    fn default() -> Self {
        Self {
            freshness: Duration::from_secs(30),
            upkeep: Duration::from_secs(10),
            reclaim_after: Duration::from_secs(10),
            retention: Duration::from_hours(24),
        }
    }
}

/// The place of a Redis server: `redis://`, `rediss://` with TLS, or `unix:///PATH`. It may hold a
/// password, so that it is never shown whole.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisUrl(Url);

/// Why a text is no place of a Redis server. A password is never named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RedisUrlError {
    /// Another kind of address, or none.
    #[error("Redis is at redis://HOST:PORT, rediss://HOST:PORT (TLS) or unix:///PATH")]
    Scheme,
    /// Not of the form of a URL.
    #[error("the URL of Redis is not well-formed; percent-encode odd characters of the password")]
    Form,
    /// A part that has no effect, or that would switch verification off.
    #[error("the URL of Redis has a fragment or an unknown parameter")]
    Parameter,
    /// The password would be readable on the way.
    #[error("the URL of Redis has a password and is not on this machine: use rediss://")]
    Plain,
}

impl FromStr for RedisUrl {
    type Err = RedisUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = ["redis://", "rediss://", "unix:///"];
        if !known.iter().any(|scheme| text.starts_with(scheme)) {
            return Err(RedisUrlError::Scheme);
        }
        let url = Url::parse(text).map_err(|_| RedisUrlError::Form)?;
        let parameters: &[&str] = match url.scheme() {
            "unix" => &["db", "user", "pass"],
            _ => &[],
        };
        let mut pairs = url.query_pairs();
        let unknown = pairs.any(|(name, _)| !parameters.contains(&&*name));
        if unknown || url.fragment().is_some() {
            return Err(RedisUrlError::Parameter);
        }
        if url.scheme() == "redis" && url.password().is_some() && !is_local(&url) {
            return Err(RedisUrlError::Plain);
        }
        let url = Self(url);
        url.client(None).map_err(|_| RedisUrlError::Form)?;
        Ok(url)
    }
}

impl RedisUrl {
    /// Whether the server is spoken to over TLS.
    #[must_use]
    pub fn has_tls(&self) -> bool {
        self.0.scheme() == "rediss"
    }

    fn client(&self, authorities: Option<Vec<u8>>) -> redis::RedisResult<redis::Client> {
        let connection = self.0.clone().into_connection_info()?;
        // The name of a library is of no use there, and asks for a right more.
        let settings = connection.redis_settings().clone().set_skip_set_lib_name();
        let connection = connection.set_redis_settings(settings);
        if !self.has_tls() {
            return redis::Client::open(connection);
        }
        let certificates = TlsCertificates {
            client_tls: None,
            root_cert: authorities,
        };
        redis::Client::build_with_tls(connection, certificates)
    }
}

fn is_local(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, path) = (self.0.scheme(), self.0.path());
        let host = self.0.host_str().unwrap_or_default();
        match self.0.port() {
            None => write!(f, "{scheme}://{host}{path}"),
            Some(port) => write!(f, "{scheme}://{host}:{port}{path}"),
        }
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_servers_and_sockets_and_shows_no_password() {
        for (text, shown) in [
            ("redis://localhost", "redis://localhost"),
            ("redis://localhost:7000/3", "redis://localhost:7000/3"),
            ("redis://u:hunter2@127.0.0.1/", "redis://127.0.0.1/"),
            ("redis://:hunter2@[::1]:7/", "redis://[::1]:7/"),
            ("redis://r.example", "redis://r.example"),
            ("rediss://u:hunter2@r.example:7/1", "rediss://r.example:7/1"),
            ("unix:///run/r.sock?pass=hunter2", "unix:///run/r.sock"),
        ] {
            let url: RedisUrl = text.parse().unwrap();
            assert_eq!(url.to_string(), shown);
            assert!(!format!("{url:?}").contains("hunter2"));
        }
    }

    #[test]
    fn says_what_is_wrong_with_all_others() {
        use RedisUrlError::{Form, Parameter, Plain, Scheme};
        for (text, expected) in [
            ("", Scheme),
            ("localhost:6379", Scheme),
            ("http://localhost", Scheme),
            ("unix:r.sock", Scheme),
            ("redis://[::1", Form),
            ("redis://localhost/x", Form),
            ("redis://0.0.0.0", Form),
            ("rediss://r.example#insecure", Parameter),
            ("redis://localhost?pass=x", Parameter),
            ("unix:///r.sock?timeout=1", Parameter),
            ("redis://:hunter2@r.example", Plain),
        ] {
            assert_eq!(text.parse::<RedisUrl>(), Err(expected), "{text:?}");
        }
    }
}
