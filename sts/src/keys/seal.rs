//! AES-256-GCM under the key-encryption key: what lies in the database is of no use without it.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::{Zeroize as _, Zeroizing};

use crate::clock::{Random, SystemRandom};

/// First byte of everything sealed: the layout `version || nonce || ciphertext || tag`.
const LAYOUT: u8 = 1;

/// The key that seals keys. 32 bytes, held outside of the database.
pub struct KeyEncryptionKey {
    /// `None` cannot happen (the length is fixed by type); if it did, nothing would open.
    key: Option<LessSafeKey>,
}

/// What a sealed secret is for; a secret of one purpose never opens as one of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Signs the mandates of a zone.
    MandateSigning,
}

impl Purpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::MandateSigning => "mandate-signing",
        }
    }
}

/// Where a sealed secret belongs.
#[derive(Debug, Clone, Copy)]
pub struct Sealed<'a> {
    /// Zone.
    pub zone: &'a str,
    /// Key id.
    pub kid: &'a str,
    /// Purpose.
    pub purpose: Purpose,
}

impl Sealed<'_> {
    /// The additional data. Every part carries its length, so that no two places share their bytes.
    fn additional_data(self) -> Vec<u8> {
        let mut data = b"caracal-sealed-key-v1\0".to_vec();
        for part in [self.purpose.as_str(), self.zone, self.kid] {
            data.extend(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            data.extend(part.as_bytes());
        }
        data
    }
}

/// Sealing or opening failed. Deliberately without detail: it is the same for every cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sealed key does not open here")]
pub struct SealError;

impl KeyEncryptionKey {
    /// Takes the raw key.
    #[must_use]
    pub fn from_bytes(mut bytes: [u8; 32]) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, &bytes)
            .ok()
            .map(LessSafeKey::new);
        bytes.zeroize();
        Self { key }
    }

    /// Makes a key and returns its bytes as well, for storage in a file that only the service reads.
    pub fn generate() -> Result<(Self, Zeroizing<[u8; 32]>), SealError> {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        SystemRandom::new()
            .fill(bytes.as_mut())
            .map_err(|_| SealError)?;
        Ok((Self::from_bytes(*bytes), bytes))
    }

    pub(super) fn seal(&self, place: Sealed<'_>, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0_u8; NONCE_LEN];
        SystemRandom::new()
            .fill(&mut nonce)
            .map_err(|_| SealError)?;
        let mut body = plain.to_vec();
        // Encrypted in place: the plain copy becomes the ciphertext and needs no wiping.
        self.key
            .as_ref()
            .ok_or(SealError)?
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(place.additional_data()),
                &mut body,
            )
            .map_err(|_| SealError)?;
        Ok([&[LAYOUT], &nonce[..], &body].concat())
    }

    pub(super) fn open(
        &self,
        place: Sealed<'_>,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (&LAYOUT, rest) = sealed.split_first().ok_or(SealError)? else {
            return Err(SealError);
        };
        let (nonce, body) = rest.split_at_checked(NONCE_LEN).ok_or(SealError)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError)?;
        let mut body = Zeroizing::new(body.to_vec());
        let aad = Aad::from(place.additional_data());
        let key = self.key.as_ref().ok_or(SealError)?;
        let length = key
            .open_in_place(nonce, aad, &mut body)
            .map_err(|_| SealError)?
            .len();
        body.truncate(length);
        Ok(body)
    }
}

impl fmt::Debug for KeyEncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyEncryptionKey")
    }
}
