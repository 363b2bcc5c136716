//! Key-encryption keys: what wraps the data key of each sealed row.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize as _, Zeroizing};

use crate::clock::{Random, SystemRandom};

/// Longest id of a key-encryption key in bytes.
pub(super) const MAX_ID_BYTES: usize = 128;

/// Wrapped or unwrapped bytes, when they come.
pub type Wrapping<'a> =
    Pin<Box<dyn Future<Output = Result<Zeroizing<Vec<u8>>, WrapError>> + Send + 'a>>;

/// Wraps and unwraps data keys: a key in memory, one in an HSM, or the service of a cloud.
pub trait KeyWrapper: fmt::Debug + Send + Sync {
    /// Name of the key, which stands in what it sealed; 1 to 128 bytes, never of another key.
    fn id(&self) -> &str;

    /// Wraps a data key. It comes out again only with the same `context`.
    fn wrap<'a>(&'a self, context: &'a [u8], plain: &'a [u8]) -> Wrapping<'a>;

    /// The reverse of [`Self::wrap`].
    fn unwrap<'a>(&'a self, context: &'a [u8], wrapped: &'a [u8]) -> Wrapping<'a>;
}

/// Why a data key was not wrapped or unwrapped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WrapError {
    /// Not wrapped by this key, or in another context. The same for every cause.
    #[error("the data key does not come out")]
    Refused,
    /// The key cannot be used now.
    #[error("the key-encryption key cannot be used: {0}")]
    Unavailable(String),
}

/// A key-encryption key in memory. 32 bytes, held outside of the database.
pub struct KeyEncryptionKey {
    /// `None` cannot happen (the length is fixed by type); if it did, nothing would open.
    key: Option<LessSafeKey>,
    id: String,
}

/// The source of randomness failed, so there is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key could not be generated")]
pub struct NoKek;

impl KeyEncryptionKey {
    /// Takes the raw key.
    #[must_use]
    pub fn from_bytes(mut bytes: [u8; 32]) -> Self {
        // Of 256 random bits a digest says nothing.
        let digest = Sha256::new()
            .chain_update(b"caracal-kek-id-v1\0")
            .chain_update(bytes)
            .finalize();
        let id = digest
            .iter()
            .take(8)
            .fold("local/".to_owned(), |id, byte| id + &format!("{byte:02x}"));
        let key = UnboundKey::new(&AES_256_GCM, &bytes)
            .ok()
            .map(LessSafeKey::new);
        bytes.zeroize();
        Self { key, id }
    }

    /// Makes a key and returns its bytes as well, for storage in a file that only the service reads.
    pub fn generate() -> Result<(Self, Zeroizing<[u8; 32]>), NoKek> {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        SystemRandom::new()
            .fill(bytes.as_mut())
            .map_err(|_| NoKek)?;
        Ok((Self::from_bytes(*bytes), bytes))
    }

    /// `nonce || ciphertext || tag`.
    pub(super) fn encrypt(&self, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, WrapError> {
        let mut nonce = [0_u8; NONCE_LEN];
        SystemRandom::new()
            .fill(&mut nonce)
            .map_err(|error| WrapError::Unavailable(error.to_string()))?;
        // Encrypted in place: the plain copy becomes the ciphertext and needs no wiping.
        let mut body = plain.to_vec();
        self.key
            .as_ref()
            .ok_or(WrapError::Refused)?
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(context),
                &mut body,
            )
            .map_err(|_| WrapError::Refused)?;
        Ok([&nonce[..], &body].concat())
    }

    pub(super) fn decrypt(
        &self,
        context: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, WrapError> {
        let (nonce, body) = sealed
            .split_at_checked(NONCE_LEN)
            .ok_or(WrapError::Refused)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| WrapError::Refused)?;
        let mut body = Zeroizing::new(body.to_vec());
        let key = self.key.as_ref().ok_or(WrapError::Refused)?;
        let length = key
            .open_in_place(nonce, Aad::from(context), &mut body)
            .map_err(|_| WrapError::Refused)?
            .len();
        body.truncate(length);
        Ok(body)
    }
}

impl KeyWrapper for KeyEncryptionKey {
    fn id(&self) -> &str {
        &self.id
    }

    fn wrap<'a>(&'a self, context: &'a [u8], plain: &'a [u8]) -> Wrapping<'a> {
        Box::pin(async move { self.encrypt(context, plain).map(Zeroizing::new) })
    }

    fn unwrap<'a>(&'a self, context: &'a [u8], wrapped: &'a [u8]) -> Wrapping<'a> {
        Box::pin(async move { self.decrypt(context, wrapped) })
    }
}

impl fmt::Debug for KeyEncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyEncryptionKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
