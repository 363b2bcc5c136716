//! Which notes are believed.

use super::VerifyError;
use crate::merkle::Hash;
use crate::note::{Checkpoint, CheckpointError, CheckpointVerifier, Note};
use crate::witness::{TrustPolicy, Witnessed};

/// The ledger's key and, if there is one, the policy.
pub(super) struct Judge<'a> {
    pub(super) verifier: CheckpointVerifier,
    pub(super) policy: Option<&'a TrustPolicy>,
}

/// A checkpoint that the log signed.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) size: u64,
    pub(super) root: Hash,
    /// By whom it is cosigned; `None` without a policy.
    pub(super) witnessed: Option<Witnessed>,
}

impl Judge<'_> {
    /// Opens a note about a zone's log. An error also when the signature of a witness that is known
    /// does not verify: such a note is not to be used.
    pub(super) fn open(&self, zone: &str, note: &str) -> Result<Seen, CheckpointError> {
        let Checkpoint {
            origin: _,
            size,
            root,
        } = self.verifier.for_zone(zone).open_checkpoint(note)?;
        let witnessed = match self.policy {
            Some(policy) => Some(policy.witnessed(&Note::parse(note)?)?),
            None => None,
        };
        Ok(Seen {
            size,
            root,
            witnessed,
        })
    }

    /// Opens a checkpoint that was kept elsewhere, and tells its zone.
    pub(super) fn kept(&self, note: &str) -> Result<(String, Seen), VerifyError> {
        let origin = note.lines().next().unwrap_or_default();
        let zone = self
            .verifier
            .zone_of(origin)
            .ok_or_else(|| VerifyError::Trusted(CheckpointError::Origin(origin.to_owned())))?;
        let seen = self.open(zone, note).map_err(VerifyError::Trusted)?;
        Ok((zone.to_owned(), seen))
    }
}
