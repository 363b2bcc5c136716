//! How far a publisher has got: for readiness.

use super::step::PublishError;
use crate::causes::with_causes;

/// What a publisher has done last.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PublisherStatus {
    /// Size of the tree that is published, as far as this publisher knows; `None` before the first
    /// checkpoint.
    pub size: Option<u64>,
    /// Why the last step failed, if it did.
    pub failure: Option<Failure>,
}

/// Why a step failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The error with its causes, on one line.
    pub text: String,
    /// Whether two histories have shown ([`PublishError::is_fork`]).
    pub fork: bool,
}

impl Failure {
    pub(super) fn new(error: &PublishError) -> Self {
        Self {
            text: with_causes(error),
            fork: error.is_fork(),
        }
    }
}
