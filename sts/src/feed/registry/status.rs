//! What is said of points, and of waiting for them.

use caracal_mandate::name::Name;
use caracal_mandate::version::Version;
use serde::Serialize;

/// Who a stream belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) zone: Name,
    pub(crate) spiffe_id: String,
    pub(crate) instance: String,
    pub(crate) boot: String,
    pub(crate) role: String,
    pub(crate) software: String,
    pub(crate) lease_ms: u64,
    pub(crate) mode: String,
}

/// What the VM says of the streams that it had before.
#[derive(Debug, Clone, Default)]
pub(crate) struct Past {
    pub(crate) streams: u64,
    pub(crate) last_error: String,
}

/// One connected enforcement point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PointStatus {
    /// Zone.
    pub zone: Name,
    /// Identity.
    pub spiffe_id: String,
    /// Name as configured.
    pub instance: String,
    /// Name of the VM's life. Envoy has one VM for each worker, and one for its main thread.
    pub boot: String,
    /// Role as configured.
    pub role: String,
    /// What it acknowledged.
    pub applied: Version,
    /// Milliseconds since its last ping; `None` before the first.
    pub last_ping_age_ms: Option<u64>,
    /// Its lease.
    pub lease_ms: u64,
    /// Milliseconds since it connected.
    pub connected_ms: u64,
    /// Version of its software.
    pub software: String,
    /// `enforce`, or `shadow`: it lets everything pass and only records what it would do.
    pub mode: String,
    /// How long it may decide alone from now on, at most; 0 when it may not.
    pub lease_remaining_ms: u64,
    /// Streams that this VM has opened in its life; 0 when it does not say.
    pub streams: u64,
    /// Why its stream before this one ended, in its own words; empty when there was none.
    pub last_error: String,
}

/// What a wait for acknowledgements came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AckReport {
    /// Points that acknowledged.
    pub acked: usize,
    /// Points that could decide alone at some time of the wait.
    pub expected: usize,
    /// The others, by SPIFFE ID and instance. When the bound is the lease, they are closed by now.
    pub silent: Vec<String>,
    /// How long it took.
    pub waited_ms: u64,
    /// How long it could have taken.
    pub bound_ms: u64,
}
