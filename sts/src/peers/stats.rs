//! What happened between the replicas, in numbers.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::guard::Unfit;
use super::message::Unreadable;

/// Why a message was put aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeadReason {
    /// Larger than any that a replica sends.
    Oversized,
    /// Not of the form of a message.
    Malformed,
    /// The signature is not the replicas'.
    Forged,
    /// About another incarnation of the log.
    Term,
    /// Sent too long ago, or in the future.
    Stale,
    /// Sent before.
    Replayed,
    /// So many at a time that replays could not be told.
    Crowded,
    /// Delivered again and again, and its position was never reached.
    Undeliverable,
}

impl DeadReason {
    /// Every reason.
    pub const ALL: [Self; 8] = [
        Self::Oversized,
        Self::Malformed,
        Self::Forged,
        Self::Term,
        Self::Stale,
        Self::Replayed,
        Self::Crowded,
        Self::Undeliverable,
    ];

    /// The word in the dead letter and in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Oversized => "oversized",
            Self::Malformed => "malformed",
            Self::Forged => "forged",
            Self::Term => "term",
            Self::Stale => "stale",
            Self::Replayed => "replayed",
            Self::Crowded => "crowded",
            Self::Undeliverable => "undeliverable",
        }
    }
}

impl From<Unreadable> for DeadReason {
    fn from(unreadable: Unreadable) -> Self {
        match unreadable {
            Unreadable::Oversized => Self::Oversized,
            Unreadable::Malformed => Self::Malformed,
            Unreadable::Forged => Self::Forged,
        }
    }
}

impl From<Unfit> for DeadReason {
    fn from(unfit: Unfit) -> Self {
        match unfit {
            Unfit::Stale => Self::Stale,
            Unfit::Replayed => Self::Replayed,
            Unfit::Crowded => Self::Crowded,
        }
    }
}

/// The numbers since this process started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerStats {
    /// Whether messages of others can be heard right now.
    pub listening: bool,
    /// Messages that were sent.
    pub sent: u64,
    /// Messages that could not be sent.
    pub unsent: u64,
    /// Messages that came in, one's own included.
    pub received: u64,
    /// Messages of others that made this replica read the log.
    pub woken: u64,
    /// Messages that were acknowledged after their position was applied.
    pub acknowledged: u64,
    /// Messages that were taken over from an earlier process of this replica, or from oneself.
    pub reclaimed: u64,
    /// Messages that were put aside, by reason.
    pub dead: [(DeadReason, u64); 8],
}

impl PeerStats {
    /// How many were put aside for a reason.
    #[must_use]
    pub fn dead_for(&self, reason: DeadReason) -> u64 {
        let mut counts = self.dead.iter().filter(|(of, _)| *of == reason);
        counts.next().map_or(0, |(_, count)| *count)
    }
}

/// The counters.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) listening: AtomicBool,
    pub(super) sent: AtomicU64,
    pub(super) unsent: AtomicU64,
    pub(super) received: AtomicU64,
    pub(super) woken: AtomicU64,
    pub(super) acknowledged: AtomicU64,
    pub(super) reclaimed: AtomicU64,
    dead: [AtomicU64; 8],
}

impl Counters {
    pub(super) fn died(&self, reason: DeadReason) {
        for (of, count) in DeadReason::ALL.iter().zip(&self.dead) {
            if *of == reason {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    pub(super) fn read(&self) -> PeerStats {
        let Self {
            listening,
            sent,
            unsent,
            received,
            woken,
            acknowledged,
            reclaimed,
            dead: _,
        } = self;
        let number = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let mut counts = self.dead.iter();
        PeerStats {
            listening: listening.load(Ordering::Relaxed),
            sent: number(sent),
            unsent: number(unsent),
            received: number(received),
            woken: number(woken),
            acknowledged: number(acknowledged),
            reclaimed: number(reclaimed),
            dead: DeadReason::ALL.map(|reason| (reason, counts.next().map_or(0, number))),
        }
    }
}
