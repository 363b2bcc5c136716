//! Hosts with exactly one reading.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A host name in normal form: lower case, no port, no trailing dot. RFC 1123 labels or an IPv4
/// literal; IPv6 literals name no resource and are refused.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host(Box<str>);

/// Why an authority can be read in more than one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// Empty, longer than 253 bytes, or with a label that RFC 1123 does not allow. This covers
    /// userinfo, IPv6 literals, encodings and trailing dots.
    #[error("the host is not a plain host name")]
    Name,
    /// The port is not a number from 1 to 65535.
    #[error("the port is not a number from 1 to 65535")]
    Port,
}

/// Reads an authority (`host` or `host:port`) into the host's normal form. Borrows when nothing
/// has to change.
pub fn normal_host(authority: &[u8]) -> Result<Cow<'_, str>, HostError> {
    let mut parts = authority.splitn(2, |byte| *byte == b':');
    let name = parts.next().unwrap_or_default();
    if let Some(port) = parts.next() {
        let digits = std::str::from_utf8(port).map_err(|_| HostError::Port)?;
        // `parse` alone would take a leading '+'.
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !plain || !digits.parse::<u16>().is_ok_and(|port| port > 0) {
            return Err(HostError::Port);
        }
    }
    if name.len() > 253 || !name.split(|byte| *byte == b'.').all(is_label) {
        return Err(HostError::Name);
    }
    let text = std::str::from_utf8(name).map_err(|_| HostError::Name)?;
    Ok(if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    })
}

fn is_label(label: &[u8]) -> bool {
    let edges = [label.first(), label.last()];
    label.len() <= 63
        && label
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
        && edges
            .iter()
            .all(|edge| edge.is_some_and(u8::is_ascii_alphanumeric))
}

impl Host {
    /// The host's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Host {
    type Err = HostError;

    /// Reads a host without a port.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.contains(':') {
            return Err(HostError::Port);
        }
        Ok(Self(normal_host(text.as_bytes())?.into()))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::borrow::Borrow<str> for Host {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Serialize for Host {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Host {
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
    fn one_host_has_one_normal_form() {
        for authority in [
            "bank.internal",
            "BANK.internal",
            "bank.internal:80",
            "Bank.Internal:8443",
        ] {
            assert_eq!(normal_host(authority.as_bytes()).unwrap(), "bank.internal");
        }
    }

    #[test]
    fn refuses_authorities_that_could_name_two_hosts() {
        for authority in [
            "",
            ".",
            "bank.internal.",
            "user@bank.internal",
            "user:pw@bank.internal",
            "bank..internal",
            "-bank",
            "bank-",
            "bank_internal",
            "bank%2einternal",
            "[::1]",
            "[::1]:80",
            "b\u{e4}nk",
            "bank:0",
            "bank:65536",
            "bank:",
            "bank:+80",
            "bank:80:80",
            "bank internal",
            "bank\0",
            "bank/evil",
            "bank,evil",
            "bank#evil",
        ] {
            assert!(normal_host(authority.as_bytes()).is_err(), "{authority:?}");
        }
    }
}
