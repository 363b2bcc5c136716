//! Positions in the authority log.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A version of the authority state. `term` changes when a log starts anew (a restored backup);
/// `epoch` is the position in the log of that term. A lower version is never rolled back to.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Version {
    /// Incarnation of the log.
    pub term: u64,
    /// Position in the log, counted from 1; 0 is the empty log.
    pub epoch: u64,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.term, self.epoch)
    }
}
