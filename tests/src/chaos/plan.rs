//! How long everything takes, and the bounds of the design that refusals are held against.

use std::time::Duration;

/// `--lease-ms` of every replica: nobody decides on authority that is older.
pub(super) const LEASE: Duration = Duration::from_secs(2);

/// How soon a replica has a database again that is back: it waits for a connection for 5 s at most
/// (`PATIENCE` in `store/src/store/session.rs`), and the next try is at most a poll (100 ms) or a
/// flush (500 ms) later.
pub(super) const RECONNECT: Duration = Duration::from_secs(6);

/// The durations of one run.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Load before each fault.
    pub(super) before: Duration,
    /// How long a fault lasts that has no length of its own.
    pub(super) hold: Duration,
    /// How long the authority's database is away, and the ledger's.
    pub(super) outage: Duration,
    /// Load after each fault, when everything is well again.
    pub(super) quiet: Duration,
    /// Pause of a caller between two questions.
    pub(super) pace: Duration,
    /// Pause between two changes of grants.
    pub(super) churn: Duration,
    /// Whether the next signing key is waited for. It settles for 90 s after it was published; a short
    /// run makes it older in the database instead.
    pub(super) wait_for_key: bool,
}

impl Plan {
    /// What `make chaos` does: about three minutes.
    #[must_use]
    pub const fn full() -> Self {
        Self {
            before: Duration::from_secs(2),
            hold: Duration::from_secs(6),
            outage: Duration::from_secs(10),
            quiet: Duration::from_secs(4),
            pace: Duration::from_millis(30),
            churn: Duration::from_millis(300),
            wait_for_key: true,
        }
    }

    /// What the test does. Every fault outlasts the lease, or it would show nothing.
    #[must_use]
    pub const fn short() -> Self {
        Self {
            before: Duration::from_millis(500),
            hold: Duration::from_secs(3),
            outage: Duration::from_secs(5),
            quiet: Duration::from_secs(1),
            pace: Duration::from_millis(60),
            churn: Duration::from_millis(300),
            wait_for_key: false,
        }
    }
}
