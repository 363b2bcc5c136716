//! Signing keys of zones: where they are kept, how they are sealed, who signs.
//!
//! ```text
//! ring ──▶ storage ──▶ seal: row || data key under a key-encryption key (wrap)  ──▶ ZoneKey
//!               └────▶ pkcs11: the row is a handle, the key never leaves the token ──▶ TokenKey
//! ```
//!
//! Their life is not here: which key signs is authority, and stands in the log.

mod local;
pub mod pkcs11;
mod private;
mod ring;
mod seal;
mod source;
mod storage;
#[cfg(test)]
mod tests;
mod wrap;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey, UnparsedPublicKey};
use caracal_mandate::key::{PublicKey, SIGNATURE_BYTES, SignatureVerifier};

pub use local::ZoneKey;
pub use private::PrivateKey;
pub(crate) use private::sign;
pub(crate) use ring::KeyRing;
pub use seal::{Place, Purpose, SealError};
pub use source::{SecretSource, SourceError};
pub use storage::KeyStorage;
pub(crate) use storage::kept_in;
pub use wrap::{KeyEncryptionKey, KeyWrapper, WrapError, Wrapping};

use pkcs11::TokenError;

/// Why a zone key could not be made or used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The key pair could not be generated or exported.
    #[error("the key pair could not be generated")]
    Generate,
    /// The opened bytes are no P-256 key, or another one than the key id says.
    #[error("the stored key is not the key of its id")]
    Mismatch,
    /// Sealing or opening failed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The token did not do it.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The key is in a token, and this service has none or another one.
    #[error("the key is in the PKCS#11 token {0:?}, which this service is not configured for")]
    OtherToken(String),
}

/// Verifies ES256 with aws-lc.
#[derive(Debug, Clone, Copy, Default)]
pub struct Es256;

impl SignatureVerifier for Es256 {
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> bool {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.sec1())
            .verify(message, signature)
            .is_ok()
    }
}

/// The same, with one key that is parsed already: that took 2 % of the CPU of an exchange.
#[derive(Debug)]
pub(crate) struct ParsedEs256 {
    key: PublicKey,
    /// Nothing, where it is no point of the curve.
    parsed: Option<ParsedPublicKey>,
}

impl ParsedEs256 {
    pub(crate) fn new(key: &PublicKey) -> Self {
        let parsed = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.sec1());
        Self {
            key: key.clone(),
            parsed: parsed.ok(),
        }
    }
}

impl SignatureVerifier for ParsedEs256 {
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> bool {
        match &self.parsed {
            Some(parsed) if *key == self.key => parsed.verify_sig(message, signature).is_ok(),
            _ => Es256.verify(key, message, signature),
        }
    }
}
