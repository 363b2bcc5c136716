//! What all doors of the service share.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use caracal_mandate::name::Name;
use caracal_mandate::reason::Reason;
use caracal_store::Store;

use crate::authority::Authority;
use crate::clock::{Clock, Random};
use crate::config::StsConfig;
use crate::exchange::SessionLocks;
use crate::feed::Registry;
use crate::keys::{KeyEncryptionKey, ZoneKey};
use crate::limits::Limits;
use crate::peers::Peers;
use crate::policy::PolicyRunner;
use crate::recorder::Recorder;

/// State and tools of the service.
pub(crate) struct Service {
    pub(crate) store: Store,
    pub(crate) authority: Arc<Authority>,
    pub(crate) policies: Arc<PolicyRunner>,
    pub(crate) keys: KeyRing,
    pub(crate) recorder: Recorder,
    pub(crate) registry: Arc<Registry>,
    pub(crate) sessions: SessionLocks,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) config: StsConfig,
    pub(crate) limits: Limits,
    pub(crate) peers: Option<Peers>,
}

impl Service {
    /// Whether the authority state is confirmed within the lease.
    pub(crate) fn is_fresh(&self) -> bool {
        self.authority
            .is_fresh(self.clock.monotonic_ms(), self.config.lease_ms)
    }

    /// Question 0 of the decision order.
    pub(crate) fn check_fresh(&self) -> Result<(), Reason> {
        if self.is_fresh() {
            Ok(())
        } else {
            Err(Reason::AuthorityUnavailable)
        }
    }
}

/// The signing key of a zone is not to be had. Deliberately without detail; the log has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoKey;

/// Private keys in use, one for each zone: opened once, then kept.
pub(crate) struct KeyRing {
    store: Store,
    kek: KeyEncryptionKey,
    open: RwLock<HashMap<Name, Arc<ZoneKey>>>,
}

impl KeyRing {
    pub(crate) fn new(store: Store, kek: KeyEncryptionKey) -> Self {
        Self {
            store,
            kek,
            open: RwLock::default(),
        }
    }

    /// The key-encryption key.
    pub(crate) const fn kek(&self) -> &KeyEncryptionKey {
        &self.kek
    }

    /// The zone's key of this id.
    pub(crate) async fn get(&self, zone: &Name, kid: &str) -> Result<Arc<ZoneKey>, NoKey> {
        let open = self
            .open
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(zone)
            .cloned();
        if let Some(key) = open.filter(|key| key.public().kid() == kid) {
            return Ok(key);
        }
        let sealed = self.store.sealed_key(zone, kid).await.map_err(|error| {
            tracing::error!(%error, %zone, "the signing key could not be read");
            NoKey
        })?;
        let key = ZoneKey::open(&self.kek, zone.as_str(), kid, &sealed.ok_or(NoKey)?);
        let key = key.map(Arc::new).map_err(|error| {
            tracing::error!(%error, %zone, kid, "the signing key could not be opened");
            NoKey
        })?;
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        open.insert(zone.clone(), Arc::clone(&key));
        Ok(key)
    }
}
