//! How much of what was played.

use std::ops::AddAssign;

/// What became of the operations.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Counts {
    pub(super) changes: u64,
    pub(super) issued: u64,
    pub(super) not_issued: u64,
    /// Issued in a chain of three hops or more.
    pub(super) deep: u64,
    pub(super) passed: u64,
    pub(super) not_passed: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.changes += other.changes;
        self.issued += other.issued;
        self.not_issued += other.not_issued;
        self.deep += other.deep;
        self.passed += other.passed;
        self.not_passed += other.not_passed;
    }
}
