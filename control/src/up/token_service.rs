//! The token service in the management API's terms.

use std::time::Duration;

use caracal_mandate::name::Name;
use caracal_store::ReadError;
use caracal_sts::{AckReport, KeyChange, KeyStatus, PointStatus, Sts, ZoneKeyError};

use crate::api::{Authority, AuthorityError, PolicyRefusal};

impl Authority for Sts {
    async fn ensure_zone_key(&self, zone: &Name) -> Result<(), AuthorityError> {
        let made = Self::ensure_zone_key(self, zone).await;
        made.map_err(|error| AuthorityError(error.to_string()))
    }

    async fn zone_keys(&self, zone: &Name) -> Result<Vec<KeyStatus>, ReadError> {
        Self::zone_keys(self, zone).await
    }

    async fn rotate_key(
        &self,
        zone: &Name,
        idempotency: Option<&str>,
    ) -> Result<KeyChange, ZoneKeyError> {
        Self::rotate_key(self, zone, idempotency).await
    }

    async fn revoke_key(
        &self,
        zone: &Name,
        kid: &str,
        idempotency: Option<&str>,
    ) -> Result<KeyChange, ZoneKeyError> {
        Self::revoke_key(self, zone, kid, idempotency).await
    }

    async fn check_policy(&self, source: &str) -> Result<(), PolicyRefusal> {
        let checked = Self::check_policy(self, source).await;
        checked
            .map(|_| ())
            .map_err(|error| PolicyRefusal(error.to_string()))
    }

    fn points(&self) -> Vec<PointStatus> {
        Self::points(self)
    }

    async fn wait_applied(&self, zone: &Name, seq: u64, bound: Duration) -> AckReport {
        Self::wait_applied(self, zone, seq, bound).await
    }
}
