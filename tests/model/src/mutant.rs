//! Rules of the protocol, each taken away in turn: what holds without a rule does not rest on it.

/// One rule broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mutant {
    // --- the point ---
    /// The lease is counted from when the pong arrived.
    LeaseFromReceipt,
    /// The age in the pong is not subtracted.
    AgeIgnored,
    /// A snapshot is used while it arrives.
    HalfSnapshot,
    /// A stream that is opened anew may go back to an older state.
    FloorForgotten,
    /// A pong is taken whatever version it confirms.
    PongVersionUnchecked,
    /// A snapshot is acknowledged when it begins.
    AckBeforeApplied,
    /// The service's word about one request is taken whenever it comes.
    WordWithoutLease,
    /// A stream on which nothing comes any more is kept for ever.
    SilenceUnnoticed,
    /// A stream that ended is not opened again.
    NoReconnect,
    // --- the service ---
    /// The pong goes out before what was applied and not queued yet.
    PongBeforeDelta,
    /// The moment that a pong confirms is read after the state that stands before it.
    MomentAfterState,
    /// A read confirms the moment at which it ended.
    ReadConfirmedAtItsEnd,
    /// A read is confirmed before what it showed is applied.
    ConfirmedBeforeApplied,
    /// The head is read where it may lag behind.
    LaggingReplica,
    /// The log is read only when somebody says that there is more.
    NoPolling,
    /// The age is rounded down with the clocks.
    AgeRoundedDown,
    // --- the wait for acknowledgements ---
    /// A lease is noted after the state is read that stands before its pong.
    LeaseNotedLate,
    /// Nobody asks whether the service itself has read the change.
    OwnPositionIgnored,
    /// The book is looked at before the service's own position.
    BookBeforePosition,
    /// Leases of the process before this one are forgotten.
    PreviousLeasesForgotten,
    /// Leases of the process before this one are taken to be as short as the service's own.
    PreviousLeasesTooShort,
    /// A stream that ended is struck from the book at once.
    DepartedForgotten,
    /// What was sent is taken for acknowledged.
    SentIsAcknowledged,
    // --- what is assumed of the world ---
    /// The clock of a point stands still while the point does.
    ClockStops,
}

impl Mutant {
    /// What is wrong, in words.
    #[must_use]
    pub const fn what(self) -> &'static str {
        match self {
            Self::LeaseFromReceipt => "the lease is counted from when the pong arrived",
            Self::AgeIgnored => "the age in the pong is not subtracted",
            Self::HalfSnapshot => "a snapshot is used while it arrives",
            Self::FloorForgotten => "a new stream may go back to an older state",
            Self::PongVersionUnchecked => "a pong is taken whatever version it confirms",
            Self::AckBeforeApplied => "a snapshot is acknowledged when it begins",
            Self::WordWithoutLease => "the word about one request is taken whenever it comes",
            Self::SilenceUnnoticed => "a stream on which nothing comes any more is kept",
            Self::NoReconnect => "a stream that ended is not opened again",
            Self::PongBeforeDelta => "the pong goes out before what was applied",
            Self::MomentAfterState => "the moment that a pong confirms is read after the state",
            Self::ReadConfirmedAtItsEnd => "a read confirms the moment at which it ended",
            Self::ConfirmedBeforeApplied => "a read is confirmed before it is applied",
            Self::LaggingReplica => "the head is read where it may lag behind",
            Self::NoPolling => "the log is read only when somebody says that there is more",
            Self::AgeRoundedDown => "the age is rounded down with the clocks",
            Self::LeaseNotedLate => "a lease is noted after the state before its pong is read",
            Self::OwnPositionIgnored => "nobody asks whether the service has read the change",
            Self::BookBeforePosition => "the book is looked at before the service's position",
            Self::PreviousLeasesForgotten => "leases of the process before are forgotten",
            Self::PreviousLeasesTooShort => "leases of the process before are taken for shorter",
            Self::DepartedForgotten => "a stream that ended is struck from the book at once",
            Self::SentIsAcknowledged => "what was sent is taken for acknowledged",
            Self::ClockStops => "a point's clock stands still while the point does",
        }
    }

    /// Whether what can no longer matter still cannot, with this rule broken (`canon.rs`). Where it
    /// can, more is compared. Either way what is found is a way that the protocol really goes.
    #[must_use]
    pub const fn keeps_past_closed(self) -> bool {
        !matches!(
            self,
            Self::LeaseFromReceipt
                | Self::AgeIgnored
                | Self::AgeRoundedDown
                | Self::MomentAfterState
                | Self::HalfSnapshot
                | Self::WordWithoutLease
                | Self::ClockStops
        )
    }

    /// All of them.
    pub const ALL: [Self; 24] = [
        Self::LeaseFromReceipt,
        Self::AgeIgnored,
        Self::HalfSnapshot,
        Self::FloorForgotten,
        Self::PongVersionUnchecked,
        Self::AckBeforeApplied,
        Self::WordWithoutLease,
        Self::SilenceUnnoticed,
        Self::NoReconnect,
        Self::PongBeforeDelta,
        Self::MomentAfterState,
        Self::ReadConfirmedAtItsEnd,
        Self::ConfirmedBeforeApplied,
        Self::LaggingReplica,
        Self::NoPolling,
        Self::AgeRoundedDown,
        Self::LeaseNotedLate,
        Self::OwnPositionIgnored,
        Self::BookBeforePosition,
        Self::PreviousLeasesForgotten,
        Self::PreviousLeasesTooShort,
        Self::DepartedForgotten,
        Self::SentIsAcknowledged,
        Self::ClockStops,
    ];
}
