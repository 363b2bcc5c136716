//! A zone's key in this process: made, opened and used with aws-lc.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use caracal_mandate::key::{PublicKey, SIGNATURE_BYTES, SignError, Signer};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::{KeyError, PrivateKey};

/// A zone's signing key. It signs, and shows its public half; nothing else comes out.
pub struct ZoneKey {
    pair: EcdsaKeyPair,
    public: PublicKey,
}

impl ZoneKey {
    /// Makes a new key.
    pub fn generate() -> Result<Self, KeyError> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .map_err(|_| KeyError::Generate)?;
        Self::from_pair(pair)
    }

    fn from_pair(pair: EcdsaKeyPair) -> Result<Self, KeyError> {
        let public =
            PublicKey::from_sec1(pair.public_key().as_ref()).map_err(|_| KeyError::Mismatch)?;
        Ok(Self { pair, public })
    }

    /// The private half, to be sealed.
    pub(super) fn to_plain(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let document = self.pair.to_pkcs8v1().map_err(|_| KeyError::Generate)?;
        Ok(Zeroizing::new(document.as_ref().to_vec()))
    }

    /// Takes what [`Self::to_plain`] gave, if it is the key of this id.
    pub(super) fn from_plain(kid: &str, plain: &[u8]) -> Result<Self, KeyError> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, plain)
            .map_err(|_| KeyError::Mismatch)?;
        let key = Self::from_pair(pair)?;
        if key.public.kid() == kid {
            Ok(key)
        } else {
            Err(KeyError::Mismatch)
        }
    }
}

impl fmt::Debug for ZoneKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ZoneKey")
            .field("kid", &self.public.kid())
            .finish_non_exhaustive()
    }
}

impl Signer for ZoneKey {
    fn kid(&self) -> &str {
        self.public.kid()
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE_BYTES], SignError> {
        let signature = self
            .pair
            .sign(&SystemRandom::new(), message)
            .map_err(|_| SignError)?;
        signature.as_ref().try_into().map_err(|_| SignError)
    }
}

impl PrivateKey for ZoneKey {
    fn public(&self) -> &PublicKey {
        &self.public
    }

    fn gate(&self) -> Option<&Arc<Semaphore>> {
        None
    }
}
