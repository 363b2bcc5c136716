//! Which notes are believed.

use super::{Trust, VerifyError};
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

impl<'a> Judge<'a> {
    /// By what is trusted; and the checkpoint that was kept elsewhere, with its zone.
    pub(super) fn new(trust: Trust<'a>) -> Result<(Self, Option<(String, Seen)>), VerifyError> {
        let Trust {
            verifier_key,
            kept,
            policy,
        } = trust;
        let verifier = CheckpointVerifier::from_text(verifier_key)?;
        let judge = Self { verifier, policy };
        let kept = kept.map(|note| judge.kept(note)).transpose()?;
        Ok((judge, kept))
    }

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
    fn kept(&self, note: &str) -> Result<(String, Seen), VerifyError> {
        let origin = note.lines().next().unwrap_or_default();
        let zone = self
            .verifier
            .zone_of(origin)
            .ok_or_else(|| VerifyError::Trusted(CheckpointError::Origin(origin.to_owned())))?;
        let seen = self.open(zone, note).map_err(VerifyError::Trusted)?;
        Ok((zone.to_owned(), seen))
    }
}
