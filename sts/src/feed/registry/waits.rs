//! Who waits for acknowledgements, and when there is reason to look again.
//!
//! Whether a change is in effect is said by a look at the whole book. Here is only counted how many
//! acknowledgements that look found missing, so that it is not repeated at each of them.

use std::collections::HashMap;
use std::sync::Arc;

use caracal_mandate::name::Name;
use tokio::sync::Notify;

/// All who wait.
#[derive(Debug, Default)]
pub(super) struct Waits {
    waits: HashMap<u64, Wait>,
    next: u64,
}

#[derive(Debug)]
struct Wait {
    zone: Name,
    seq: u64,
    /// Streams that were behind at the last look.
    missing: usize,
    wake: Arc<Notify>,
}

impl Waits {
    /// Somebody waits for a position. What was missing is said by [`Self::looked`].
    pub(super) fn begin(&mut self, zone: &Name, seq: u64) -> (u64, Arc<Notify>) {
        let wake = Arc::new(Notify::new());
        let wait = Wait {
            zone: zone.clone(),
            seq,
            missing: 0,
            wake: Arc::clone(&wake),
        };
        let id = self.next;
        self.next = self.next.wrapping_add(1);
        self.waits.insert(id, wait);
        (id, wake)
    }

    /// A look at the book found so many streams behind. In the same hold of the lock as the look, so
    /// that no acknowledgement is between them.
    pub(super) fn looked(&mut self, id: u64, missing: usize) {
        if let Some(wait) = self.waits.get_mut(&id) {
            wait.missing = missing;
        }
    }

    /// Nobody waits any more.
    pub(super) fn end(&mut self, id: u64) {
        self.waits.remove(&id);
    }

    /// A stream of a zone went on from one acknowledged position to another.
    pub(super) fn acknowledged(&mut self, zone: &Name, before: u64, now: u64) {
        for wait in self.waits.values_mut() {
            if before < wait.seq && wait.seq <= now && wait.zone == *zone {
                wait.missing = wait.missing.saturating_sub(1);
                if wait.missing == 0 {
                    wait.wake.notify_one();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_last_missing_acknowledgement_wakes_and_no_other() {
        let (acme, other): (Name, Name) = ("acme".parse().unwrap(), "other".parse().unwrap());
        let mut waits = Waits::default();
        let (id, wake) = waits.begin(&acme, 7);
        waits.looked(id, 2);
        let is_woken = async || {
            let soon = std::time::Duration::from_millis(1);
            tokio::time::timeout(soon, wake.notified()).await.is_ok()
        };
        waits.acknowledged(&acme, 6, 7);
        waits.acknowledged(&other, 6, 7);
        waits.acknowledged(&acme, 5, 6);
        waits.acknowledged(&acme, 7, 8);
        assert!(!is_woken().await);
        waits.acknowledged(&acme, 3, 9);
        assert!(is_woken().await);
        waits.end(id);
        waits.acknowledged(&acme, 6, 7);
        assert!(!is_woken().await);
    }
}
