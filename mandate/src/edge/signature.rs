//! The form of a delegator's signature in files, rows and tokens.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::key::SIGNATURE_BYTES;

/// An ES256 signature (r and s) in base64url. Whose it is and whether it is good only a point can tell that
/// has the owner's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdgeSignature(Box<[u8; SIGNATURE_BYTES]>);

/// A text that is no signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a signature is 64 bytes (r and s of ES256) in base64url without padding")]
pub struct EdgeSignatureError;

impl EdgeSignature {
    /// r and s.
    #[must_use]
    pub fn bytes(&self) -> &[u8; SIGNATURE_BYTES] {
        &self.0
    }
}

impl From<[u8; SIGNATURE_BYTES]> for EdgeSignature {
    fn from(bytes: [u8; SIGNATURE_BYTES]) -> Self {
        Self(Box::new(bytes))
    }
}

impl FromStr for EdgeSignature {
    type Err = EdgeSignatureError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok();
        let bytes = bytes.and_then(|bytes| <[u8; SIGNATURE_BYTES]>::try_from(bytes).ok());
        bytes.map(Self::from).ok_or(EdgeSignatureError)
    }
}

impl fmt::Display for EdgeSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(*self.0))
    }
}

impl Serialize for EdgeSignature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EdgeSignature {
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
    fn a_signature_has_one_spelling() {
        let text = "A".repeat(86);
        let signature: EdgeSignature = text.parse().unwrap();
        assert_eq!(signature.to_string(), text);
        assert_eq!(signature.bytes(), &[0; 64]);
        for other in [
            String::new(),
            "A".repeat(85),
            "A".repeat(87),
            format!("{text}=="),
            format!("{}B", "A".repeat(85)),
            format!("{}+", "A".repeat(85)),
        ] {
            assert_eq!(other.parse::<EdgeSignature>(), Err(EdgeSignatureError));
        }
    }
}
