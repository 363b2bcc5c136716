//! The key that the replicas share.

use std::fmt;

use aws_lc_rs::hmac::{HMAC_SHA256, Key, Tag, sign, verify};
use zeroize::Zeroizing;

/// 32 secret bytes, the same in every replica: it signs what they tell each other, and hides who is
/// counted in the names of counters.
#[derive(Clone, PartialEq, Eq)]
pub struct PeerKey(Zeroizing<[u8; 32]>);

impl PeerKey {
    /// The key of these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// HMAC-SHA-256. The bytes begin with a label of their purpose.
    pub(crate) fn sign(&self, bytes: &[u8]) -> Tag {
        sign(&self.hmac(), bytes)
    }

    /// Whether it is the signature, in a time that does not tell how nearly.
    pub(super) fn verifies(&self, bytes: &[u8], signature: &[u8]) -> bool {
        verify(&self.hmac(), bytes, signature).is_ok()
    }

    fn hmac(&self) -> Key {
        Key::new(HMAC_SHA256, self.0.as_slice())
    }
}

impl fmt::Debug for PeerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PeerKey")
    }
}
