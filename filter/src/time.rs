//! Points in time, given by the host.

/// One reading of both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Milliseconds of a clock that never steps back, and goes on while the machine is suspended
    /// (`caracal_mandate::lease::SteadyClock`): leases and deadlines.
    pub monotonic_ms: u64,
    /// Unix milliseconds: expiry of mandates, and the ledger.
    pub unix_ms: u64,
}

impl Moment {
    /// Unix seconds.
    #[must_use]
    pub const fn unix_s(self) -> u64 {
        self.unix_ms / 1000
    }
}
