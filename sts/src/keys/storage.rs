//! Where keys are kept: sealed in the database, or in a PKCS#11 token with a handle in the database.

use std::sync::Arc;

use super::pkcs11::{Handle, Token, TokenKey};
use super::seal::{Keks, kek_of};
use super::{KeyEncryptionKey, KeyError, KeyWrapper, Place, PrivateKey, ZoneKey};

/// What opens the keys that are there, and where new ones are made. Moving from one place to another
/// is a rotation: what was made elsewhere is used until it is retired.
#[derive(Debug, Clone)]
pub struct KeyStorage {
    keks: Keks,
    token: Option<Arc<Token>>,
    new_in_token: bool,
}

impl From<KeyEncryptionKey> for KeyStorage {
    fn from(kek: KeyEncryptionKey) -> Self {
        Self::sealed(Arc::new(kek))
    }
}

/// A key that was just made, and what goes into its row.
pub(crate) struct MadeKey {
    pub(crate) key: Arc<dyn PrivateKey>,
    pub(crate) row: Vec<u8>,
}

impl KeyStorage {
    /// New keys are sealed in the database under this key-encryption key.
    #[must_use]
    pub fn sealed(kek: Arc<dyn KeyWrapper>) -> Self {
        Self {
            keks: Keks::new(kek),
            token: None,
            new_in_token: false,
        }
    }

    /// What is sealed under this key-encryption key opens too. It is sealed again under the first.
    #[must_use]
    pub fn or_opened_by(mut self, kek: Arc<dyn KeyWrapper>) -> Self {
        self.keks.push(kek);
        self
    }

    /// Keys that are in this token can be used.
    #[must_use]
    pub fn with_token(mut self, token: Arc<Token>) -> Self {
        self.token = Some(token);
        self
    }

    /// New keys are made in the token, if there is one, and never leave it.
    #[must_use]
    pub const fn making_keys_in_token(mut self) -> Self {
        self.new_in_token = true;
        self
    }

    /// Makes a key for a zone.
    pub(crate) async fn make(&self, zone: &str) -> Result<MadeKey, KeyError> {
        if let Some(token) = self.token.as_ref().filter(|_| self.new_in_token) {
            let (key, handle) = TokenKey::generate(token, zone).await?;
            return Ok(MadeKey {
                key: Arc::new(key),
                row: handle.to_row(),
            });
        }
        let key = ZoneKey::generate()?;
        let row = self.seal(zone, &key).await?;
        let key = Arc::new(key);
        Ok(MadeKey { key, row })
    }

    /// Opens what is in the row of a zone's key of this id.
    pub(crate) async fn open(
        &self,
        zone: &str,
        kid: &str,
        row: &[u8],
    ) -> Result<Arc<dyn PrivateKey>, KeyError> {
        if let Some(handle) = Handle::of_row(row) {
            let key = TokenKey::open(self.token_of(&handle)?, &handle, kid).await?;
            return Ok(Arc::new(key));
        }
        Ok(Arc::new(self.open_sealed(zone, kid, row).await?))
    }

    /// The row with another seal, if it is not sealed under the first key-encryption key.
    pub(crate) async fn reseal(
        &self,
        zone: &str,
        kid: &str,
        row: &[u8],
    ) -> Result<Option<Vec<u8>>, KeyError> {
        if Handle::of_row(row).is_some() || self.keks.is_current(row) {
            return Ok(None);
        }
        let key = self.open_sealed(zone, kid, row).await?;
        self.seal(zone, &key).await.map(Some)
    }

    /// Destroys what a row leads to outside of the database.
    pub(crate) async fn destroy(&self, row: &[u8]) -> Result<(), KeyError> {
        match Handle::of_row(row) {
            None => Ok(()),
            Some(handle) => Ok(TokenKey::destroy(self.token_of(&handle)?, &handle).await?),
        }
    }

    fn token_of(&self, handle: &Handle) -> Result<&Arc<Token>, KeyError> {
        let token = self.token.as_ref();
        token
            .filter(|token| token.label() == handle.token())
            .ok_or_else(|| KeyError::OtherToken(handle.token().to_owned()))
    }

    async fn seal(&self, zone: &str, key: &ZoneKey) -> Result<Vec<u8>, KeyError> {
        let place = Place::of_zone_key(zone, key.public().kid());
        Ok(self.keks.seal(place, &key.to_plain()?).await?)
    }

    async fn open_sealed(&self, zone: &str, kid: &str, row: &[u8]) -> Result<ZoneKey, KeyError> {
        let plain = self.keks.open(Place::of_zone_key(zone, kid), row).await?;
        ZoneKey::from_plain(kid, &plain)
    }
}

/// Where the private half of a row is, for people.
pub(crate) fn kept_in(row: &[u8]) -> String {
    match (Handle::of_row(row), kek_of(row)) {
        (Some(handle), _) => format!("token {}", handle.token()),
        (None, Some(kek)) => format!("database, sealed by {kek}"),
        (None, None) => "database".to_owned(),
    }
}
