//! The machine's clock, for the ledger.

use std::sync::Arc;

use caracal_sts::Clock;

/// The token service's clock in the ledger's form.
pub(crate) struct LedgerClock(pub(crate) Arc<dyn Clock>);

impl caracal_audit::Clock for LedgerClock {
    fn unix_ms(&self) -> u64 {
        self.0.unix_ms()
    }
}
