//! How long it takes until the last connected point has acknowledged a revocation. Measured, and
//! nothing is decided by it: whether a change is in effect is said by `caracal_mandate::lease`.

use std::collections::{HashMap, VecDeque};

use caracal_mandate::name::Name;

/// Revocations that are followed at the same time; the oldest ones go when a point never acknowledges.
const MAX_OPEN: usize = 256;

/// The revocations that some connected point has not acknowledged.
#[derive(Debug, Default)]
pub(super) struct Coverage {
    open: VecDeque<Open>,
    /// The position of the log up to which a zone's revocations were taken up.
    seen: HashMap<Name, u64>,
}

#[derive(Debug)]
struct Open {
    seq: u64,
    zone: Name,
    /// Points that were connected when the first acknowledgement came, and are behind.
    left: usize,
    /// Whether one of them left without an acknowledgement.
    lost: bool,
}

impl Coverage {
    /// The position after which a zone's revocations are new here.
    pub(super) fn seen(&self, zone: &Name) -> u64 {
        self.seen.get(zone).copied().unwrap_or(0)
    }

    /// Takes up revocations, each with the number of points that are behind it, and everything up to
    /// `seen` with them.
    pub(super) fn open(
        &mut self,
        zone: &Name,
        seen: u64,
        revocations: impl IntoIterator<Item = (u64, usize)>,
    ) {
        for (seq, left) in revocations {
            if self.open.len() >= MAX_OPEN {
                self.open.pop_front();
            }
            self.open.push_back(Open {
                seq,
                zone: zone.clone(),
                left,
                lost: false,
            });
        }
        if let Some(before) = self.seen.get_mut(zone) {
            *before = seen;
        } else {
            self.seen.insert(zone.clone(), seen);
        }
    }

    /// A point of a zone went on from one acknowledged position to another. Returns the revocations
    /// that it was the last one to acknowledge.
    pub(super) fn acknowledged(&mut self, zone: &Name, before: u64, now: u64) -> Vec<u64> {
        let mut covered = Vec::new();
        self.pass(zone, |open| {
            let passed = before < open.seq && open.seq <= now;
            if passed && open.left == 1 && !open.lost {
                covered.push(open.seq);
            }
            passed
        });
        covered
    }

    /// A point of a zone left that had acknowledged this much.
    pub(super) fn departed(&mut self, zone: &Name, acked: u64) {
        self.pass(zone, |open| {
            let behind = acked < open.seq;
            open.lost |= behind;
            behind
        });
    }

    /// Counts one point less where `pass` says so.
    fn pass(&mut self, zone: &Name, mut pass: impl FnMut(&mut Open) -> bool) {
        self.open.retain_mut(|open| {
            if open.zone == *zone && pass(open) {
                open.left = open.left.saturating_sub(1);
            }
            open.left > 0
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> Name {
        name.parse().unwrap()
    }

    #[test]
    fn the_last_acknowledgement_covers_a_revocation() {
        let (acme, other) = (zone("acme"), zone("other"));
        let mut coverage = Coverage::default();
        coverage.open(&acme, 8, [(7, 2), (8, 2)]);
        assert_eq!(coverage.seen(&acme), 8);
        assert!(coverage.acknowledged(&other, 6, 8).is_empty());
        assert!(coverage.acknowledged(&acme, 6, 8).is_empty());
        assert_eq!(coverage.acknowledged(&acme, 6, 7), [7]);
        assert_eq!(coverage.acknowledged(&acme, 7, 9), [8]);
        assert!(coverage.acknowledged(&acme, 6, 9).is_empty());
    }

    #[test]
    fn a_point_that_left_without_a_word_leaves_it_uncovered() {
        let acme = zone("acme");
        let mut coverage = Coverage::default();
        coverage.open(&acme, 8, [(7, 2), (8, 2)]);
        coverage.departed(&acme, 7);
        assert!(coverage.acknowledged(&acme, 6, 7).is_empty());
        assert!(coverage.acknowledged(&acme, 7, 8).is_empty());
        assert!(coverage.open.iter().all(|open| open.seq == 7));
    }

    #[test]
    fn a_point_that_never_acknowledges_does_not_make_it_grow() {
        let acme = zone("acme");
        let mut coverage = Coverage::default();
        for seq in 1..=1000 {
            coverage.open(&acme, seq, [(seq, 2)]);
        }
        assert_eq!(coverage.open.len(), MAX_OPEN);
    }
}
