//! The envelope: each row under a data key of its own, and the data key under a key-encryption key.
//! What lies in the database is of no use without that.
//!
//! ```text
//! 2 || id length (1) || id of the key-encryption key
//!   || length (2, big endian) || wrapped data key || nonce || ciphertext || tag
//! ```

use std::sync::Arc;

use super::wrap::MAX_ID_BYTES;
use super::{KeyEncryptionKey, KeyWrapper, WrapError};
use zeroize::Zeroizing;

/// First byte of an envelope.
pub(super) const ENVELOPE: u8 = 2;

/// First byte of what was sealed before there were envelopes, under the key-encryption key itself:
/// `1 || nonce || ciphertext || tag`. Opened, and sealed again as an envelope.
const DIRECT: u8 = 1;

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
pub struct Place<'a> {
    /// Zone.
    pub zone: &'a str,
    /// Key id.
    pub kid: &'a str,
    /// Purpose.
    pub purpose: Purpose,
}

impl<'a> Place<'a> {
    pub(super) const fn of_zone_key(zone: &'a str, kid: &'a str) -> Self {
        Self {
            zone,
            kid,
            purpose: Purpose::MandateSigning,
        }
    }

    /// The additional data. Every part carries its length, so that no two places share their bytes.
    fn additional_data(self, label: &str, kek: Option<&str>) -> Vec<u8> {
        let mut data = label.as_bytes().to_vec();
        data.push(0);
        let own = [self.purpose.as_str(), self.zone, self.kid];
        for part in own.into_iter().chain(kek) {
            data.extend(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            data.extend(part.as_bytes());
        }
        data
    }
}

/// Why something is not sealed or does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Not sealed here and for this, or changed since. Deliberately the same for every cause.
    #[error("the sealed key does not open here")]
    Refused,
    /// The key-encryption key is not at hand.
    #[error("the key is sealed under the key-encryption key {0:?}, which is not configured")]
    UnknownKek(String),
    /// The key-encryption key is in no state to be used.
    #[error(transparent)]
    Wrap(#[from] WrapError),
}

/// Key-encryption keys: the first seals, all open.
#[derive(Debug, Clone)]
pub(super) struct Keks(Vec<Arc<dyn KeyWrapper>>);

impl Keks {
    pub(super) fn new(first: Arc<dyn KeyWrapper>) -> Self {
        Self(vec![first])
    }

    pub(super) fn push(&mut self, further: Arc<dyn KeyWrapper>) {
        self.0.push(further);
    }

    pub(super) async fn seal(&self, place: Place<'_>, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let kek = self.0.first().ok_or(SealError::Refused)?;
        let id = kek.id().as_bytes();
        let id_length = u8::try_from(id.len()).ok();
        let id_length = id_length
            .filter(|length| (1..=MAX_ID_BYTES).contains(&usize::from(*length)))
            .ok_or(SealError::Refused)?;
        let (data_key, bytes) = KeyEncryptionKey::generate()
            .map_err(|error| WrapError::Unavailable(error.to_string()))?;
        let context = place.additional_data("caracal-data-key-v2", Some(kek.id()));
        let wrapped = kek.wrap(&context, bytes.as_ref()).await?;
        let length = u16::try_from(wrapped.len()).map_err(|_| SealError::Refused)?;
        let body = data_key.encrypt(
            &place.additional_data("caracal-sealed-key-v2", Some(kek.id())),
            plain,
        )?;
        Ok([
            &[ENVELOPE, id_length][..],
            id,
            &length.to_be_bytes(),
            &wrapped,
            &body,
        ]
        .concat())
    }

    pub(super) async fn open(
        &self,
        place: Place<'_>,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        if let Some((&DIRECT, rest)) = sealed.split_first() {
            return self.open_direct(place, rest).await;
        }
        let envelope = Envelope::parse(sealed).ok_or(SealError::Refused)?;
        let kek = self.0.iter().find(|kek| kek.id() == envelope.kek);
        let kek = kek.ok_or_else(|| SealError::UnknownKek(envelope.kek.to_owned()))?;
        let context = place.additional_data("caracal-data-key-v2", Some(kek.id()));
        let data_key = kek
            .unwrap(&context, envelope.wrapped)
            .await
            .map_err(refused)?;
        let data_key = <[u8; 32]>::try_from(data_key.as_slice()).map_err(|_| SealError::Refused)?;
        KeyEncryptionKey::from_bytes(data_key)
            .decrypt(
                &place.additional_data("caracal-sealed-key-v2", Some(kek.id())),
                envelope.body,
            )
            .map_err(refused)
    }

    async fn open_direct(
        &self,
        place: Place<'_>,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let context = place.additional_data("caracal-sealed-key-v1", None);
        for kek in &self.0 {
            if let Ok(plain) = kek.unwrap(&context, sealed).await {
                return Ok(plain);
            }
        }
        Err(SealError::Refused)
    }

    /// Whether it is sealed as it would be today.
    pub(super) fn is_current(&self, sealed: &[u8]) -> bool {
        let first = self.0.first().map(|kek| kek.id());
        Envelope::parse(sealed).map(|envelope| envelope.kek) == first
    }
}

/// Id of the key-encryption key of an envelope.
pub(super) fn kek_of(sealed: &[u8]) -> Option<&str> {
    Envelope::parse(sealed).map(|envelope| envelope.kek)
}

/// That nothing came out says no more than that it does not open.
fn refused(error: WrapError) -> SealError {
    match error {
        WrapError::Refused => SealError::Refused,
        error @ WrapError::Unavailable(_) => error.into(),
    }
}

struct Envelope<'a> {
    kek: &'a str,
    wrapped: &'a [u8],
    body: &'a [u8],
}

impl<'a> Envelope<'a> {
    fn parse(sealed: &'a [u8]) -> Option<Self> {
        let (&[ENVELOPE, id_length], rest) = sealed.split_first_chunk()? else {
            return None;
        };
        let (kek, rest) = rest.split_at_checked(id_length.into())?;
        let (length, rest) = rest.split_first_chunk()?;
        let (wrapped, body) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
        Some(Self {
            kek: std::str::from_utf8(kek).ok().filter(|id| !id.is_empty())?,
            wrapped,
            body,
        })
    }
}
