//! What the management API asks of the token service.

use std::future::Future;
use std::time::Duration;

use caracal_mandate::name::Name;
use caracal_store::ReadError;
use caracal_sts::{AckReport, KeyChange, KeyStatus, PointStatus, ZoneKeyError};

/// The token service, seen from the management API: the service itself, and a stand-in in tests.
pub trait Authority: Clone + Send + Sync + 'static {
    /// Makes the zone's signing key if it has none.
    fn ensure_zone_key(
        &self,
        zone: &Name,
    ) -> impl Future<Output = Result<(), AuthorityError>> + Send;

    /// Every key that the zone ever had.
    fn zone_keys(
        &self,
        zone: &Name,
    ) -> impl Future<Output = Result<Vec<KeyStatus>, ReadError>> + Send;

    /// Lets the zone's next key take over.
    fn rotate_key(
        &self,
        zone: &Name,
        idempotency: Option<&str>,
    ) -> impl Future<Output = Result<KeyChange, ZoneKeyError>> + Send;

    /// Revokes a key of the zone.
    fn revoke_key(
        &self,
        zone: &Name,
        kid: &str,
        idempotency: Option<&str>,
    ) -> impl Future<Output = Result<KeyChange, ZoneKeyError>> + Send;

    /// Compiles a policy, within bounds.
    fn check_policy(&self, source: &str) -> impl Future<Output = Result<(), PolicyRefusal>> + Send;

    /// Every enforcement point that is connected.
    fn points(&self) -> Vec<PointStatus>;

    /// Waits until all enforcement points of the zone have applied `seq`, at most `bound`.
    fn wait_applied(
        &self,
        zone: &Name,
        seq: u64,
        bound: Duration,
    ) -> impl Future<Output = AckReport> + Send;
}

/// The token service could not do it.
#[derive(Debug, thiserror::Error)]
#[error("the token service failed: {0}")]
pub struct AuthorityError(pub String);

/// Why a source is no policy; the text is for its author.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct PolicyRefusal(pub String);
