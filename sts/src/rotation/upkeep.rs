//! What is done for keys without anybody asking.

use std::sync::{Arc, Weak};
use std::time::Duration;

use caracal_mandate::event::{Action, Outcome};
use caracal_mandate::name::Name;
use caracal_store::model::{KeyActivation, KeyRecord, KeyState};
use caracal_store::{CommitError, KeyRefusal};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use super::{ZoneKeyError, in_state};
use crate::request::{draft, note};
use crate::service::Service;

/// How often it is looked at what is due. Nothing is due to the minute.
const PAUSE: Duration = Duration::from_secs(30);

/// Runs until `stop` changes or the service is gone.
pub(crate) async fn run(service: Weak<Service>, mut stop: watch::Receiver<bool>) {
    let mut pause = tokio::time::interval(PAUSE);
    pause.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick is at once, when zones may not have been finished.
    pause.tick().await;
    loop {
        tokio::select! {
            _ = stop.changed() => return,
            _ = pause.tick() => {}
        }
        let Some(service) = service.upgrade() else {
            return;
        };
        service.keep_keys().await;
    }
}

impl Service {
    /// Takes every step that is due, zone by zone. What fails is tried again the next time.
    pub(crate) async fn keep_keys(self: &Arc<Self>) {
        let zones: Vec<Name> = {
            let state = self.authority.read();
            state.zones().map(|zone| zone.zone.name.clone()).collect()
        };
        for zone in zones {
            match self.keep_zone(&zone).await {
                Ok(()) => {}
                // Another service came first.
                Err(ZoneKeyError::Commit(CommitError::Key(refusal))) => {
                    tracing::info!(%refusal, %zone, "a step of a key was not taken");
                }
                Err(error) => tracing::error!(%error, %zone, "the keys are not kept up"),
            }
        }
    }

    async fn keep_zone(&self, zone: &Name) -> Result<(), ZoneKeyError> {
        self.ensure_key(zone).await?;
        let keys = self.store.keys(zone).await?;
        let now_ms = self.clock.unix_ms();
        for key in &keys {
            if key.droppable_ms().is_some_and(|due_ms| now_ms >= due_ms) {
                self.drop_key(zone, &key.kid, now_ms).await?;
            }
        }
        match in_state(&keys, KeyState::Published) {
            None => self.prepare_next(zone).await?,
            Some(next) => self.rotate_if_due(zone, &keys, next, now_ms).await?,
        }
        self.reseal(zone, &keys).await
    }

    async fn rotate_if_due(
        &self,
        zone: &Name,
        keys: &[KeyRecord],
        next: &KeyRecord,
        now_ms: u64,
    ) -> Result<(), ZoneKeyError> {
        let Some(active) = in_state(keys, KeyState::Active) else {
            return Ok(());
        };
        let lifetime_ms = self.config.key_lifetime_s.saturating_mul(1000);
        let since_ms = active.activated_ms.unwrap_or(active.published_ms);
        if now_ms < since_ms.saturating_add(lifetime_ms) || now_ms < next.settled_ms() {
            return Ok(());
        }
        let activation = KeyActivation {
            kid: next.kid.clone(),
            replaces: Some(active.kid.clone()),
        };
        match self.activate(zone, activation, None).await {
            Ok(_) => {
                let (next, active) = (&next.kid, &active.kid);
                self.tell(zone, &format!("key {next} activated, key {active} retired"))
                    .await;
                self.prepare_next(zone).await
            }
            Err(CommitError::Key(KeyRefusal::Overtaken)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn drop_key(&self, zone: &Name, kid: &str, now_ms: u64) -> Result<(), ZoneKeyError> {
        let row = self.store.sealed_key(zone, kid).await?;
        self.store.drop_key(zone, kid, now_ms).await?;
        self.tell(zone, &format!("key {kid} dropped")).await;
        if let Some(row) = row {
            self.destroy(zone, kid, &row).await;
        }
        Ok(())
    }

    /// Puts what older key-encryption keys sealed under the first one.
    async fn reseal(&self, zone: &Name, keys: &[KeyRecord]) -> Result<(), ZoneKeyError> {
        for key in keys.iter().filter(|key| key.state.verifies()) {
            let Some(row) = self.store.sealed_key(zone, &key.kid).await? else {
                continue;
            };
            let storage = self.keys.storage();
            if let Some(anew) = storage.reseal(zone.as_str(), &key.kid, &row).await? {
                let done = self.store.reseal_key(zone, &key.kid, &row, &anew).await?;
                tracing::info!(%zone, kid = %key.kid, done, "a key got another seal");
            }
        }
        Ok(())
    }

    /// What the service did on its own stands in the ledger too. The authority log has it in any
    /// case, so nothing waits for this.
    pub(super) async fn tell(&self, zone: &Name, detail: &str) {
        let mut event = draft(&self.recorder, Action::Admin, self.clock.unix_ms(), "");
        zone.as_str().clone_into(&mut event.zone);
        event.outcome = Outcome::Allow;
        note(&mut event, detail);
        if self.record(event).await.is_err() {
            tracing::warn!(%zone, detail, "a step of a key is not in the ledger");
        }
    }
}
