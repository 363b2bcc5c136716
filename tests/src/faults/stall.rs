//! Whether this very process stood still: then what it measured says nothing.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Between two looks at the clock.
const STEP: Duration = Duration::from_millis(20);

/// What counts as standing still.
const LONG: Duration = Duration::from_millis(500);

/// Looks at the clock all the time.
#[derive(Debug, Clone, Default)]
pub(super) struct Stalls(Arc<Mutex<Vec<Instant>>>);

impl Stalls {
    /// Begins, until the runtime ends.
    pub(super) fn watch() -> Self {
        let stalls = Self::default();
        let seen = stalls.clone();
        tokio::spawn(async move {
            let mut last = Instant::now();
            loop {
                tokio::time::sleep(STEP).await;
                let now = Instant::now();
                if now.duration_since(last) > LONG {
                    let mut all = seen.0.lock().unwrap_or_else(PoisonError::into_inner);
                    all.push(now);
                }
                last = now;
            }
        });
        stalls
    }

    /// Whether it stood still since then.
    pub(super) fn any_since(&self, since: Instant) -> bool {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.last().is_some_and(|last| *last >= since)
    }
}
