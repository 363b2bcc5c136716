//! What is done to the replicas, and what each of it may do to callers.

mod deeds;

use std::time::Duration;

use caracal_mandate::reason::Reason;

use super::plan::{LEASE, RECONNECT};

/// The replica that is killed.
pub(super) const VICTIM: usize = 2;

/// One thing that is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    KillReplica,
    StopRedis,
    EmptyRedis,
    StopAuthority,
    StopLedger,
    RotateKeys,
    ActivatePolicy,
    FillDisk,
}

/// What a fault may refuse.
#[derive(Debug, Clone, Copy)]
pub(super) struct Permission {
    /// For these reasons.
    pub(super) reasons: &'static [Reason],
    /// At this replica; at all of them if there is none.
    pub(super) replica: Option<usize>,
    /// Whether connections may break.
    pub(super) breaks_connections: bool,
    /// Not before this time has passed.
    pub(super) after: Duration,
    /// For this long when its cause is gone.
    pub(super) recovery: Duration,
}

const NOTHING: Permission = Permission {
    reasons: &[],
    replica: None,
    breaks_connections: false,
    after: Duration::ZERO,
    recovery: Duration::ZERO,
};

impl Fault {
    /// Every fault, in turn.
    pub(super) const ALL: [Self; 8] = [
        Self::KillReplica,
        Self::StopRedis,
        Self::EmptyRedis,
        Self::StopAuthority,
        Self::StopLedger,
        Self::RotateKeys,
        Self::ActivatePolicy,
        Self::FillDisk,
    ];

    /// What is done, for people.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::KillReplica => "kill a replica, start it again",
            Self::StopRedis => "stop Redis, start it again",
            Self::EmptyRedis => "restart Redis empty",
            Self::StopAuthority => "stop PostgreSQL of the authority",
            Self::StopLedger => "stop PostgreSQL of the ledger",
            Self::RotateKeys => "rotate keys",
            Self::ActivatePolicy => "activate a policy, roll it back",
            Self::FillDisk => "fill the disk of the log",
        }
    }

    /// What may be refused meanwhile, for people.
    pub(super) const fn design(self) -> &'static str {
        match self {
            Self::KillReplica => "only at its own connections, until it is ready again",
            Self::StopRedis | Self::EmptyRedis => "nothing: Redis is never waited for twice",
            Self::StopAuthority => "everything, once the lease has ended, until it is read again",
            Self::StopLedger | Self::FillDisk => "everything: what cannot be recorded is a no",
            Self::RotateKeys => "nothing: the next key was known everywhere before",
            Self::ActivatePolicy => "nothing but what the policy refuses",
        }
    }

    pub(super) const fn permission(self) -> Permission {
        match self {
            Self::KillReplica => Permission {
                replica: Some(VICTIM),
                breaks_connections: true,
                ..NOTHING
            },
            Self::StopRedis | Self::EmptyRedis | Self::RotateKeys | Self::ActivatePolicy => NOTHING,
            Self::StopAuthority => Permission {
                reasons: &[Reason::IssuerUnavailable, Reason::AuthorityUnavailable],
                // The last read may be a poll old when the server goes, and a busy machine polls late.
                after: LEASE.saturating_sub(Duration::from_millis(500)),
                recovery: RECONNECT,
                ..NOTHING
            },
            Self::StopLedger | Self::FillDisk => Permission {
                reasons: &[Reason::AuditUnavailable],
                recovery: RECONNECT,
                ..NOTHING
            },
        }
    }

    /// Whether callers have to notice it. A fault that does nothing would show nothing.
    pub(super) const fn is_felt(self) -> bool {
        match self {
            Self::KillReplica | Self::StopAuthority | Self::StopLedger | Self::FillDisk => true,
            Self::StopRedis | Self::EmptyRedis | Self::RotateKeys | Self::ActivatePolicy => false,
        }
    }
}
