//! What is refused for a while.

use serde::{Deserialize, Serialize};

use super::RevocationTarget;

/// Something that is suspended, or resumed: a session, an application, a grant or a delegation, with
/// everything that descends from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suspension {
    /// What it hits.
    pub target: RevocationTarget,
    /// The 64-bit id that filters look up.
    pub id: u64,
}
