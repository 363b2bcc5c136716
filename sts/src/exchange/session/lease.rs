//! Until when a leased session is alive, by the heartbeats that have come in.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use caracal_mandate::name::Name;
use caracal_store::{ReadError, Store};

/// Leases that are remembered before those that have run out are forgotten.
const REMEMBERED: usize = 4096;

/// What was last read of each lease. A lease only ever grows, and its session's end is in the log; so what was
/// read once is never too late, and while half of a lease is left nobody has to be asked.
#[derive(Debug, Default)]
pub(crate) struct Leases(Mutex<HashMap<Arc<str>, u64>>);

impl Leases {
    /// Unix milliseconds.
    pub(super) async fn until_ms(
        &self,
        store: &Store,
        zone: &Name,
        session: &Arc<str>,
        lease_s: u32,
        now_ms: u64,
    ) -> Result<u64, ReadError> {
        let half_ms = u64::from(lease_s).saturating_mul(500);
        if let Some(known) = self.known(session)
            && known.saturating_sub(now_ms) >= half_ms
        {
            return Ok(known);
        }
        // One without a row would be one that nobody can renew.
        let until_ms = store.session_lease(zone, session).await?.unwrap_or(0);
        self.learn(session, until_ms, now_ms);
        Ok(until_ms)
    }

    fn known(&self, session: &str) -> Option<u64> {
        let leases = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        leases.get(session).copied()
    }

    fn learn(&self, session: &Arc<str>, until_ms: u64, now_ms: u64) {
        let mut leases = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if leases.len() >= REMEMBERED {
            leases.retain(|_, until_ms| *until_ms > now_ms);
        }
        let known = leases.entry(Arc::clone(session)).or_default();
        *known = until_ms.max(*known);
    }
}
