//! The token service of this process in the management API's terms.

use std::time::Duration;

use caracal_mandate::name::Name;
use caracal_sts::{AckReport, KeyChange, KeyStatus, Sts};

use crate::api::{Authority, AuthorityError, KeyListError, KeyStepError, Points, PolicyRefusal};

impl Authority for Sts {
    async fn ensure_zone_key(&self, zone: &Name) -> Result<(), AuthorityError> {
        let made = Self::ensure_zone_key(self, zone).await;
        made.map_err(|error| AuthorityError(error.to_string()))
    }

    async fn zone_keys(&self, zone: &Name) -> Result<Vec<KeyStatus>, KeyListError> {
        Ok(Self::zone_keys(self, zone).await?)
    }

    async fn rotate_key(
        &self,
        zone: &Name,
        idempotency: Option<&str>,
    ) -> Result<KeyChange, KeyStepError> {
        Ok(Self::rotate_key(self, zone, idempotency).await?)
    }

    async fn revoke_key(
        &self,
        zone: &Name,
        kid: &str,
        idempotency: Option<&str>,
    ) -> Result<KeyChange, KeyStepError> {
        Ok(Self::revoke_key(self, zone, kid, idempotency).await?)
    }

    async fn check_policy(&self, source: &str) -> Result<(), PolicyRefusal> {
        let checked = Self::check_policy(self, source).await;
        checked
            .map(|_| ())
            .map_err(|error| PolicyRefusal(error.to_string()))
    }

    async fn points(&self) -> Points {
        Points {
            items: Self::points(self),
            complete: true,
        }
    }

    /// It has a readiness of its own, at its own door.
    async fn troubles(&self) -> Vec<String> {
        Vec::new()
    }

    async fn wait_read(&self, seq: u64, bound: Duration) {
        // What is not read by then is committed all the same.
        let _ = Self::wait_read(self, seq, bound).await;
    }

    async fn wait_applied(&self, zone: &Name, seq: u64, bound: Duration) -> AckReport {
        Self::wait_applied(self, zone, seq, bound).await
    }
}
