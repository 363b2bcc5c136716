//! The life of zone keys, as far as the token service drives it.
//!
//! A zone has a key that signs and, a moment after it was made, a next one, which is published
//! everywhere and waits. So a rotation, planned or not, is one transaction: the next key takes over,
//! and everybody who decides has had it for long. Which steps are due is read from the tables, and
//! whether one is taken is decided in its transaction; several services may try at once.

#[cfg(test)]
mod tests;
mod upkeep;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use caracal_mandate::name::Name;
use caracal_store::model::{KeyActivation, KeyRecord, KeyState, SigningKey};
use caracal_store::{CommitError, Committed, KeyRefusal, ReadError};
use serde::Serialize;
use std::time::Duration;

use crate::keys::{KeyError, kept_in};
use crate::service::Service;

pub(crate) use upkeep::run;

/// How often a step is tried again that another service came before.
const ATTEMPTS: usize = 3;

/// Why a zone has no signing key, or not another one.
#[derive(Debug, thiserror::Error)]
pub enum ZoneKeyError {
    /// The key could not be made or sealed.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The step was not taken.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The keys could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// What a step of the keys came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyChange {
    /// Its place in the log.
    pub committed: Committed,
    /// The key that signs now; without one nothing is issued.
    pub signing: Option<String>,
}

/// A key, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyStatus {
    /// What the tables say.
    #[serde(flatten)]
    pub record: KeyRecord,
    /// Where its private half is; `None` when it has ended.
    pub kept_in: Option<String>,
}

fn in_state(keys: &[KeyRecord], state: KeyState) -> Option<&KeyRecord> {
    keys.iter().find(|key| key.state == state)
}

impl Service {
    /// Gives a zone a key that signs, unless it has one.
    pub(crate) async fn ensure_key(&self, zone: &Name) -> Result<(), ZoneKeyError> {
        let signs = |service: &Self| {
            let state = service.authority.read();
            state
                .zone(zone)
                .is_some_and(|zone| zone.keys.signing().is_some())
        };
        for _ in 0..ATTEMPTS {
            if signs(self) {
                return Ok(());
            }
            let keys = self.store.keys(zone).await?;
            if in_state(&keys, KeyState::Active).is_some() {
                // Somebody was faster; this service hears of it in a moment.
                self.heard_of(self.store.head().await?).await;
                return Ok(());
            }
            let (kid, done) = match in_state(&keys, KeyState::Published) {
                Some(next) => (next.kid.clone(), "activated"),
                None => match self.publish_next(zone).await? {
                    Some(kid) => (kid, "published and activated"),
                    None => continue,
                },
            };
            let activation = KeyActivation {
                kid: kid.clone(),
                replaces: None,
            };
            match self.activate(zone, activation, None).await {
                Ok(_) => {
                    self.tell(zone, &format!("key {kid} {done}")).await;
                    return Ok(());
                }
                Err(CommitError::Key(KeyRefusal::Overtaken | KeyRefusal::State { .. })) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(CommitError::Key(KeyRefusal::Overtaken).into())
    }

    /// Makes and publishes a key. `None` when another one waits already.
    async fn publish_next(&self, zone: &Name) -> Result<Option<String>, ZoneKeyError> {
        if in_state(&self.store.keys(zone).await?, KeyState::Published).is_some() {
            return Ok(None);
        }
        let made = self.keys.storage().make(zone.as_str()).await?;
        let public = made.key.public();
        let kid = public.kid().to_owned();
        let point = URL_SAFE_NO_PAD.encode(public.sec1());
        let key = SigningKey {
            kid: kid.clone(),
            point,
        };
        let now_ms = self.clock.unix_ms();
        let published = self.store.publish_key(zone, key, &made.row, now_ms).await;
        match &published {
            // If the database hung up nobody knows whether it was committed.
            Ok(_) | Err(CommitError::Database(_) | CommitError::TimedOut) => {}
            Err(_) => self.destroy(zone, &kid, &made.row).await,
        }
        match published {
            Ok(committed) => {
                self.heard_of(committed.seq).await;
                Ok(Some(kid))
            }
            Err(CommitError::Key(KeyRefusal::NextExists { .. })) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The same, for a zone that has a key which signs: this one is to be the next.
    async fn prepare_next(&self, zone: &Name) -> Result<(), ZoneKeyError> {
        if let Some(kid) = self.publish_next(zone).await? {
            self.tell(zone, &format!("key {kid} published, to be the next"))
                .await;
        }
        Ok(())
    }

    async fn activate(
        &self,
        zone: &Name,
        activation: KeyActivation,
        idempotency: Option<&str>,
    ) -> Result<Committed, CommitError> {
        let now_ms = self.clock.unix_ms();
        let committed = self
            .store
            .activate_key(zone, activation, now_ms, idempotency)
            .await?;
        self.heard_of(committed.seq).await;
        Ok(committed)
    }

    /// See [`crate::Sts::rotate_key`].
    pub(crate) async fn rotate_key(
        &self,
        zone: &Name,
        idempotency: Option<&str>,
    ) -> Result<KeyChange, ZoneKeyError> {
        self.prepare_next(zone).await?;
        let keys = self.store.keys(zone).await?;
        let kid_in = |state| in_state(&keys, state).map(|key| key.kid.clone());
        let kid = kid_in(KeyState::Published);
        let activation = KeyActivation {
            kid: kid.ok_or(CommitError::Key(KeyRefusal::Overtaken))?,
            replaces: kid_in(KeyState::Active),
        };
        let committed = self.activate(zone, activation, idempotency).await?;
        if let Err(error) = self.prepare_next(zone).await {
            tracing::warn!(%error, %zone, "the next key is not published yet");
        }
        let signing = self.signing(zone);
        Ok(KeyChange { committed, signing })
    }

    /// See [`crate::Sts::revoke_key`].
    pub(crate) async fn revoke_key(
        &self,
        zone: &Name,
        kid: &str,
        idempotency: Option<&str>,
    ) -> Result<KeyChange, ZoneKeyError> {
        // Read before it is gone. A key in a token outlives its row if this fails.
        let row = self.store.sealed_key(zone, kid).await.ok().flatten();
        let now_ms = self.clock.unix_ms();
        let committed = self
            .store
            .revoke_key(zone, kid, now_ms, idempotency)
            .await?;
        self.heard_of(committed.seq).await;
        if let Some(row) = row {
            self.destroy(zone, kid, &row).await;
        }
        // The revocation stands, whatever becomes of the rest: then the zone refuses, and says so.
        let made = match self.ensure_key(zone).await {
            Ok(()) => self.prepare_next(zone).await,
            Err(error) => Err(error),
        };
        if let Err(error) = made {
            tracing::error!(%error, %zone, "there is no next key after a revocation");
        }
        let signing = self.signing(zone);
        Ok(KeyChange { committed, signing })
    }

    /// See [`crate::Sts::zone_keys`].
    pub(crate) async fn zone_keys(&self, zone: &Name) -> Result<Vec<KeyStatus>, ReadError> {
        let mut keys = Vec::new();
        for record in self.store.keys(zone).await? {
            let row = if record.state.verifies() {
                self.store.sealed_key(zone, &record.kid).await?
            } else {
                None
            };
            let kept_in = row.as_deref().map(kept_in);
            keys.push(KeyStatus { record, kept_in });
        }
        Ok(keys)
    }

    fn signing(&self, zone: &Name) -> Option<String> {
        let state = self.authority.read();
        let kid = state.zone(zone)?.keys.signing()?;
        Some(kid.to_string())
    }

    /// Destroys what is left of a key outside of the database, if it can.
    async fn destroy(&self, zone: &Name, kid: &str, row: &[u8]) {
        if let Err(error) = self.keys.storage().destroy(row).await {
            tracing::warn!(%error, %zone, kid, "a key that has ended is still in its token");
        }
    }

    /// Convenience only: whoever does not wait acts on what it has, which says the same less newly.
    async fn heard_of(&self, seq: u64) {
        let lease = Duration::from_millis(self.config.lease_ms);
        self.authority.wait_for(seq, lease).await;
    }
}
