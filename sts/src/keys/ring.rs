//! Private keys in use: opened once, then kept.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use caracal_mandate::name::Name;
use caracal_store::Store;

use super::{KeyStorage, PrivateKey};

/// The signing key of a zone is not to be had. Deliberately without detail; the log has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoKey;

/// One key for each zone: the one that signs.
pub(crate) struct KeyRing {
    store: Store,
    storage: KeyStorage,
    open: RwLock<HashMap<Name, Arc<dyn PrivateKey>>>,
}

impl KeyRing {
    pub(crate) fn new(store: Store, storage: KeyStorage) -> Self {
        Self {
            store,
            storage,
            open: RwLock::default(),
        }
    }

    /// Where keys are made and opened.
    pub(crate) const fn storage(&self) -> &KeyStorage {
        &self.storage
    }

    /// The zone's key of this id.
    pub(crate) async fn get(&self, zone: &Name, kid: &str) -> Result<Arc<dyn PrivateKey>, NoKey> {
        let open = self
            .open
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(zone)
            .cloned();
        if let Some(key) = open.filter(|key| key.kid() == kid) {
            return Ok(key);
        }
        let row = self.store.sealed_key(zone, kid).await.map_err(|error| {
            tracing::error!(%error, %zone, "the signing key could not be read");
            NoKey
        })?;
        let row = row.ok_or(NoKey)?;
        let key = self.storage.open(zone.as_str(), kid, &row).await;
        let key = key.map_err(|error| {
            tracing::error!(%error, %zone, kid, "the signing key could not be opened");
            NoKey
        })?;
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        open.insert(zone.clone(), Arc::clone(&key));
        Ok(key)
    }
}
