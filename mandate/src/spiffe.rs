//! SPIFFE IDs: who a workload is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Longest SPIFFE ID in bytes (SPIFFE-ID §2.3).
pub const MAX_SPIFFE_ID_BYTES: usize = 2048;

/// A SPIFFE ID with a path, such as `spiffe://corp.example/ns/agents/sa/payout`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpiffeId(Box<str>);

/// Why a text is no SPIFFE ID of a workload.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a workload's SPIFFE ID: use spiffe://trust-domain/path with a-z, 0-9, '.', '-', '_' (upper case in the path only)"
)]
pub struct SpiffeIdError(pub String);

impl SpiffeId {
    /// The ID's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SpiffeId {
    type Err = SpiffeIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || SpiffeIdError(text.chars().take(256).collect());
        if text.len() > MAX_SPIFFE_ID_BYTES {
            return Err(error());
        }
        let rest = text.strip_prefix("spiffe://").ok_or_else(error)?;
        let (domain, path) = rest.split_once('/').ok_or_else(error)?;
        let domain_char = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_');
        let path_char = |byte: u8| domain_char(byte) || byte.is_ascii_uppercase();
        let segment = |text: &str| !matches!(text, "" | "." | "..") && text.bytes().all(path_char);
        if domain.is_empty() || !domain.bytes().all(domain_char) || !path.split('/').all(segment) {
            return Err(error());
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for SpiffeId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SpiffeId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_workload_ids() {
        for text in [
            "spiffe://corp.example/ns/agents/sa/payout",
            "spiffe://d/A_b-c.d",
        ] {
            assert!(text.parse::<SpiffeId>().is_ok(), "{text:?}");
        }
    }

    #[test]
    fn refuses_anything_that_two_parsers_could_read_differently() {
        for text in [
            "spiffe://corp.example",
            "spiffe://corp.example/",
            "spiffe:///a",
            "SPIFFE://d/a",
            "spiffe://D/a",
            "spiffe://d/a//b",
            "spiffe://d/../a",
            "spiffe://d/a/",
            "spiffe://d/%61",
            "spiffe://u@d/a",
            "spiffe://d:1/a",
            "spiffe://d/a?q",
            "spiffe://d/a#f",
            "https://d/a",
        ] {
            assert!(text.parse::<SpiffeId>().is_err(), "{text:?}");
        }
    }
}
