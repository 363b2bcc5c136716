//! What the management API asks of the token service.

use std::future::Future;
use std::time::Duration;

use caracal_mandate::name::Name;
use caracal_store::ReadError;
use caracal_sts::{AckReport, KeyChange, KeyStatus, PointStatus, ZoneKeyError};

/// The token service, seen from the management API: the service itself, those of other processes, and
/// a stand-in in tests.
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
    ) -> impl Future<Output = Result<Vec<KeyStatus>, KeyListError>> + Send;

    /// Lets the zone's next key take over.
    fn rotate_key(
        &self,
        zone: &Name,
        idempotency: Option<&str>,
    ) -> impl Future<Output = Result<KeyChange, KeyStepError>> + Send;

    /// Revokes a key of the zone.
    fn revoke_key(
        &self,
        zone: &Name,
        kid: &str,
        idempotency: Option<&str>,
    ) -> impl Future<Output = Result<KeyChange, KeyStepError>> + Send;

    /// Compiles a policy, within bounds.
    fn check_policy(&self, source: &str) -> impl Future<Output = Result<(), PolicyRefusal>> + Send;

    /// Every enforcement point that is connected.
    fn points(&self) -> impl Future<Output = Points> + Send;

    /// Waits until the token service of this process decides on a state that has `seq` in it, at most
    /// `bound`. Those of other processes read it when they do.
    fn wait_read(&self, seq: u64, bound: Duration) -> impl Future<Output = ()> + Send;

    /// Waits until all enforcement points of the zone have applied `seq`, at most `bound`.
    fn wait_applied(
        &self,
        zone: &Name,
        seq: u64,
        bound: Duration,
    ) -> impl Future<Output = AckReport> + Send;

    /// Why it cannot be asked right now, if it cannot.
    fn troubles(&self) -> impl Future<Output = Vec<String>> + Send;
}

/// Enforcement points, as far as they are known.
#[derive(Debug, Clone)]
pub struct Points {
    /// Those that are known.
    pub items: Vec<PointStatus>,
    /// Whether every token service was asked: others may have points of any lease.
    pub complete: bool,
}

/// The token service could not do it.
#[derive(Debug, thiserror::Error)]
#[error("the token service failed: {0}")]
pub struct AuthorityError(pub String);

/// Why a step of a key was not taken.
#[derive(Debug, thiserror::Error)]
pub enum KeyStepError {
    /// By the service of this process, or by the database.
    #[error(transparent)]
    Here(#[from] ZoneKeyError),
    /// By one of another process.
    #[error("{text}")]
    Elsewhere {
        /// What sort of refusal.
        kind: RefusalKind,
        /// What it said.
        text: String,
    },
}

/// What sort of refusal a token service of another process answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// The zone or the key does not exist.
    NotFound,
    /// The key is not in the state for it.
    State,
    /// The idempotency key was used for something else.
    IdempotencyConflict,
    /// The request cannot be understood.
    Invalid,
    /// None could be asked, or none could do it.
    Unavailable,
}

/// Why keys cannot be listed.
#[derive(Debug, thiserror::Error)]
pub enum KeyListError {
    /// The database.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// No token service says where they are kept.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
}

/// Why a source is no policy; the text is for its author.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct PolicyRefusal(pub String);
