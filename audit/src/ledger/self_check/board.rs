//! What was found, and how long it is remembered.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::status::SelfCheckStatus;
use crate::verify::Finding;

/// Findings that are kept; of more than that only the number.
const MAX_KEPT: usize = 100;

/// Where the check writes, and its status is read. Clones are one.
#[derive(Clone, Default)]
pub(super) struct Board(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    /// Its findings are in `found`.
    status: SelfCheckStatus,
    found: Vec<Found>,
    /// Passes that have begun.
    begun: u64,
}

struct Found {
    finding: Finding,
    /// Passes that had begun when it was found last.
    pass: u64,
}

impl Board {
    pub(super) fn status(&self) -> SelfCheckStatus {
        let kept = self.kept();
        let findings = kept.found.iter().map(|found| found.finding.clone());
        SelfCheckStatus {
            findings: findings.collect(),
            ..kept.status.clone()
        }
    }

    /// Notes what was found, once for each place.
    pub(super) fn found(&self, findings: impl IntoIterator<Item = Finding>) {
        let mut kept = self.kept();
        for finding in findings {
            kept.found(finding);
        }
    }

    /// How far the check is.
    pub(super) fn tell(&self, tell: impl FnOnce(&mut SelfCheckStatus)) {
        tell(&mut self.kept().status);
    }

    pub(super) fn pass_begins(&self) {
        let mut kept = self.kept();
        kept.begun = kept.begun.saturating_add(1);
        kept.status.more = 0;
    }

    /// Forgets what was found before this pass began and not since.
    pub(super) fn pass_ends(&self, now_ms: u64) {
        let mut kept = self.kept();
        let begun = kept.begun;
        kept.found.retain(|found| {
            let stays = found.pass >= begun;
            if !stays {
                tracing::info!(finding = %found.finding, "no longer found in the ledger");
            }
            stays
        });
        kept.status.passes = kept.status.passes.saturating_add(1);
        kept.status.last_pass_ms = Some(now_ms);
        kept.status.zone = None;
        kept.status.position = 0;
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn found(&mut self, finding: Finding) {
        let pass = self.begun;
        let place = |one: &Finding| (one.kind, one.zone.clone(), one.first, one.last);
        let same = |found: &&mut Found| place(&found.finding) == place(&finding);
        if let Some(found) = self.found.iter_mut().find(same) {
            *found = Found { finding, pass };
        } else if self.found.len() < MAX_KEPT {
            tracing::error!(%finding, "the ledger's check of itself failed");
            self.found.push(Found { finding, pass });
        } else {
            self.status.more = self.status.more.saturating_add(1);
        }
    }
}
