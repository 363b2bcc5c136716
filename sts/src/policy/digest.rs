//! The name of a policy version.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// `sha256:` and the hex digest of a source: the name of a policy version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyDigest(Box<str>);

impl PolicyDigest {
    /// The digest of a source.
    #[must_use]
    pub fn of(source: &str) -> Self {
        use fmt::Write as _;
        let mut text = String::from("sha256:");
        for byte in Sha256::digest(source) {
            // Writing to a String cannot fail.
            let _infallible = write!(text, "{byte:02x}");
        }
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PolicyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
