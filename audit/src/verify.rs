//! Offline verification of a ledger file, with nothing but the public key.
//!
//! What is trusted is the verifier key and, if given, a checkpoint that was kept elsewhere and a policy
//! that names witnesses: then a checkpoint is good only with its quorum of cosignatures. What
//! the file says about itself is compared with what can be computed from the stored bodies:
//!
//! 1. every body is the canonical form of a record, of this zone, and hashes to its leaf hash;
//! 2. indexes run from 0 without holes;
//! 3. at each signed checkpoint, the tree has the signed root;
//! 4. the search columns say what the body says;
//! 5. every emitter's numbers run from 1 without holes or repeats.
//!
//! Stored leaf hashes are followed beside the hashes of the bodies. Whichever of the two leads to
//! the signed root is right, and so a change of either is told apart and named by entry.

mod database;
mod emitters;
pub(crate) mod entry;
mod export;
mod judge;
mod report;
#[cfg(test)]
mod tests;
pub(crate) mod tree;
pub(crate) mod walk;
pub(crate) mod zone;

use std::path::Path;

pub use export::verify_export;
pub use report::{Finding, FindingKind, Progress, Report, Severity, ZoneReport};

use crate::note::{CheckpointError, KeyError};
use crate::witness::TrustPolicy;
use emitters::Numbers;
use judge::Judge;

/// Why nothing could be verified. Damage that was found is no error but a [`Finding`].
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The verifier key text is not usable.
    #[error("the verifier key is not usable")]
    Key(#[from] KeyError),
    /// The checkpoint that was given does not hold under the key.
    #[error("the given checkpoint does not hold under the verifier key")]
    Trusted(#[source] CheckpointError),
    /// The file cannot be opened, or is no ledger.
    #[error("the ledger file cannot be read")]
    Database(#[from] rusqlite::Error),
    /// The folder cannot be read, or is no export.
    #[error("the export cannot be read")]
    Export(#[source] std::io::Error),
}

/// What a verification goes by.
#[derive(Debug, Clone, Copy)]
pub struct Trust<'a> {
    /// The ledger's verifier key, as text.
    pub verifier_key: &'a str,
    /// A checkpoint note that was kept elsewhere: without one, a file that was replaced by an older
    /// copy of itself, or of which the tail was cut off together with everything that speaks of it,
    /// looks intact.
    pub kept: Option<&'a str>,
    /// Whose cosignatures a checkpoint needs: without one, the ledger's own signature is enough, and a
    /// history that was made for this reader alone looks as good as the true one.
    pub policy: Option<&'a TrustPolicy>,
}

/// Verifies a ledger file by its key alone, and a checkpoint that was kept elsewhere if there is one:
/// see [`verify_with`].
pub fn verify(
    path: &Path,
    verifier_key: &str,
    trusted: Option<&str>,
    progress: impl FnMut(Progress),
) -> Result<Report, VerifyError> {
    let trust = Trust {
        verifier_key,
        kept: trusted,
        policy: None,
    };
    verify_with(path, trust, progress)
}

/// Verifies a ledger file, which is opened for reading only.
pub fn verify_with(
    path: &Path,
    trust: Trust<'_>,
    mut progress: impl FnMut(Progress),
) -> Result<Report, VerifyError> {
    let (judge, kept) = Judge::new(trust)?;
    let connection = database::open(path)?;
    let mut zones = database::zones(&connection)?;
    if let Some((zone, _)) = &kept {
        // A zone that was erased without trace is still known from the outside.
        zones.insert(zone.clone());
    }
    let mut report = Report {
        zones: Vec::new(),
        findings: Vec::new(),
    };
    let emitters = emitters::read(&connection, &mut report);
    let mut numbers = Numbers::default();
    for zone in zones {
        let kept = kept
            .as_ref()
            .filter(|(of, _)| *of == zone)
            .map(|(_, kept)| kept.clone());
        let checked = zone::verify(
            &connection,
            &judge,
            (&emitters, &mut numbers),
            zone,
            kept,
            &mut progress,
        )?;
        report.zones.push(checked);
    }
    numbers.verify(&emitters, &connection, &mut report);
    database::verify_readable(&connection, &mut report);
    Ok(report)
}
