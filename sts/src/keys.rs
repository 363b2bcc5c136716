//! Signing keys of zones: ES256, and sealed wherever they are stored.

mod seal;

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
    UnparsedPublicKey,
};
use caracal_mandate::key::{PublicKey, SIGNATURE_BYTES, SignError, SignatureVerifier, Signer};
use zeroize::Zeroizing;

pub use seal::{KeyEncryptionKey, Purpose, SealError, Sealed};

/// Why a zone key could not be made or used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
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
}

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

    /// The private half, sealed for storage as this zone's key of this id.
    pub fn seal(&self, kek: &KeyEncryptionKey, zone: &str) -> Result<Vec<u8>, KeyError> {
        let document = self.pair.to_pkcs8v1().map_err(|_| KeyError::Generate)?;
        let plain = Zeroizing::new(document.as_ref().to_vec());
        let place = Sealed {
            zone,
            kid: self.public.kid(),
            purpose: Purpose::MandateSigning,
        };
        Ok(kek.seal(place, &plain)?)
    }

    /// Opens what [`ZoneKey::seal`] sealed for the same zone and key id.
    pub fn open(
        kek: &KeyEncryptionKey,
        zone: &str,
        kid: &str,
        sealed: &[u8],
    ) -> Result<Self, KeyError> {
        let place = Sealed {
            zone,
            kid,
            purpose: Purpose::MandateSigning,
        };
        let plain = kek.open(place, sealed)?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &plain)
            .map_err(|_| KeyError::Mismatch)?;
        let key = Self::from_pair(pair)?;
        if key.public.kid() == kid {
            Ok(key)
        } else {
            Err(KeyError::Mismatch)
        }
    }

    /// The public half.
    #[must_use]
    pub const fn public(&self) -> &PublicKey {
        &self.public
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

#[cfg(test)]
mod tests {
    use super::*;

    fn kek(byte: u8) -> KeyEncryptionKey {
        KeyEncryptionKey::from_bytes([byte; 32])
    }

    #[test]
    fn what_a_key_signs_verifies_with_its_public_half_only() {
        let key = ZoneKey::generate().unwrap();
        let signature = key.sign(b"message").unwrap();
        assert!(Es256.verify(key.public(), b"message", &signature));
        assert!(!Es256.verify(key.public(), b"another", &signature));
        let other = ZoneKey::generate().unwrap();
        assert!(!Es256.verify(other.public(), b"message", &signature));
    }

    #[test]
    fn a_sealed_key_opens_in_its_own_place_only() {
        let key = ZoneKey::generate().unwrap();
        let kid = key.public().kid();
        let sealed = key.seal(&kek(1), "zone-a").unwrap();
        assert_eq!(
            ZoneKey::open(&kek(1), "zone-a", kid, &sealed)
                .unwrap()
                .kid(),
            kid
        );
        let failed = Some(KeyError::Seal(SealError));
        assert_eq!(ZoneKey::open(&kek(1), "zone-b", kid, &sealed).err(), failed);
        assert_eq!(ZoneKey::open(&kek(2), "zone-a", kid, &sealed).err(), failed);
        let other = ZoneKey::generate().unwrap();
        assert_eq!(
            ZoneKey::open(&kek(1), "zone-a", other.kid(), &sealed).err(),
            failed
        );
    }

    #[test]
    fn every_flipped_bit_of_a_sealed_key_shows() {
        let key = ZoneKey::generate().unwrap();
        let sealed = key.seal(&kek(1), "z").unwrap();
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert!(ZoneKey::open(&kek(1), "z", key.kid(), &changed).is_err());
        }
        assert!(ZoneKey::open(&kek(1), "z", key.kid(), &[]).is_err());
    }

    #[test]
    fn debug_shows_the_key_id_and_no_key() {
        let key = ZoneKey::generate().unwrap();
        assert!(format!("{key:?}").contains(key.kid()));
        let text = format!("{:?}", kek(7));
        assert!(!text.contains('7'), "{text}");
    }
}
