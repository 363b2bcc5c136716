//! Public keys of a zone, and the two operations that mandates need from cryptography.

use std::collections::HashMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// Length of an ES256 signature: r and s, 32 bytes each (RFC 7518 §3.4).
pub const SIGNATURE_BYTES: usize = 64;

/// `SubjectPublicKeyInfo` of a P-256 key up to the point itself (RFC 5480 §2): the key type is fixed
/// by construction, so no other curve or algorithm can be smuggled in as a key.
const SPKI_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// A P-256 public key with its key id.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    kid: Box<str>,
    spki: [u8; 91],
}

/// Bytes that are no uncompressed P-256 point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an uncompressed P-256 point of 65 bytes")]
pub struct PublicKeyError;

impl PublicKey {
    /// Takes an uncompressed SEC 1 point. Whether it lies on the curve is checked by the verifier.
    pub fn from_sec1(point: &[u8]) -> Result<Self, PublicKeyError> {
        let (&[4, ..], 65) = (point, point.len()) else {
            return Err(PublicKeyError);
        };
        let mut spki = [0_u8; 91];
        let bytes = SPKI_PREFIX.iter().chain(point);
        spki.iter_mut()
            .zip(bytes)
            .for_each(|(to, from)| *to = *from);
        let mut key = Self {
            kid: Box::default(),
            spki,
        };
        // RFC 7638 §3.1: required members only, in alphabetical order, no white space.
        let (x, y) = key.coordinates();
        let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        key.kid = URL_SAFE_NO_PAD.encode(Sha256::digest(canonical)).into();
        Ok(key)
    }

    /// RFC 7638 thumbprint.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// DER `SubjectPublicKeyInfo`.
    #[must_use]
    pub const fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// Uncompressed SEC 1 point.
    #[must_use]
    pub fn sec1(&self) -> &[u8] {
        self.spki.get(SPKI_PREFIX.len()..).unwrap_or_default()
    }

    /// The JWK members `x` and `y` (RFC 7518 §6.2.1).
    #[must_use]
    pub fn coordinates(&self) -> (String, String) {
        let point = self.sec1().get(1..).unwrap_or_default();
        let (x, y) = point.split_at_checked(32).unwrap_or_default();
        (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PublicKey").field(&self.kid).finish()
    }
}

/// The live public keys of a zone by key id.
#[derive(Debug, Clone, Default)]
pub struct KeySet(HashMap<Box<str>, PublicKey>);

impl KeySet {
    /// Adds a key.
    pub fn insert(&mut self, key: PublicKey) {
        self.0.insert(key.kid.clone(), key);
    }

    /// Removes a key.
    pub fn remove(&mut self, kid: &str) {
        self.0.remove(kid);
    }

    /// The key with an id.
    #[must_use]
    pub fn get(&self, kid: &str) -> Option<&PublicKey> {
        self.0.get(kid)
    }

    /// Every key, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &PublicKey> {
        self.0.values()
    }
}

/// Verifies ES256. Implemented by the Envoy host, by p256 in the filter and by aws-lc in services.
pub trait SignatureVerifier {
    /// Whether `signature` (r and s) over SHA-256 of `message` is by `key`. A verifier that cannot
    /// decide says no.
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> bool;
}

/// Signs ES256.
pub trait Signer {
    /// Id of the key that signs.
    fn kid(&self) -> &str;

    /// Signs SHA-256 of `message`; r and s.
    fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE_BYTES], SignError>;
}

/// The key could not be used. Deliberately without detail: it may pass through logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signing key could not be used")]
pub struct SignError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_points_that_are_not_uncompressed_p256() {
        for point in [&[][..], &[4; 64], &[4; 66], &[2; 65], &[2; 33]] {
            assert_eq!(PublicKey::from_sec1(point), Err(PublicKeyError));
        }
    }

    #[test]
    fn keys_are_told_apart_by_their_thumbprint() {
        let one = PublicKey::from_sec1(&[4; 65]).unwrap();
        let mut other = [4; 65];
        other[64] = 5;
        let other = PublicKey::from_sec1(&other).unwrap();
        assert_ne!(one.kid(), other.kid());
        assert_eq!(one.kid().len(), 43);
    }
}
