//! Names of things that operators make: zones, applications, resources, operations, points.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A name in the form of a DNS label (RFC 1123 §2.1): what Kubernetes takes as an object name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Box<str>);

/// Why a text is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a name: use 1 to 63 of a-z, 0-9 and '-', with a letter or digit at both ends"
)]
pub struct NameError(pub String);

impl Name {
    /// The name's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let legal = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        let bytes = text.as_bytes();
        let ends = [bytes.first(), bytes.last()];
        if bytes.len() > 63
            || !bytes.iter().all(legal)
            || ends.iter().any(|end| matches!(end, None | Some(b'-')))
        {
            return Err(NameError(text.chars().take(64).collect()));
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
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
    fn takes_what_kubernetes_takes_as_a_label() {
        for text in ["a", "payout-agent", "9lives", &"x".repeat(63)] {
            assert!(text.parse::<Name>().is_ok(), "{text:?}");
        }
    }

    #[test]
    fn refuses_everything_else() {
        for text in [
            "",
            "-a",
            "a-",
            "A",
            "a.b",
            "a b",
            "\u{e9}",
            "../x",
            &"x".repeat(64),
        ] {
            assert!(text.parse::<Name>().is_err(), "{text:?}");
        }
    }
}
