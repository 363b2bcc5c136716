//! Offline verification of a ledger file, with nothing but the public key.
//!
//! What is trusted is the verifier key and, if given, a checkpoint that was kept elsewhere. What
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
mod entry;
mod report;
#[cfg(test)]
mod tests;
mod tree;
mod zone;

use std::path::Path;

use sqlx::Connection as _;

pub use report::{Finding, FindingKind, Progress, Report, Severity, ZoneReport};

use crate::note::{CheckpointError, CheckpointVerifier, KeyError};

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
    Database(#[from] sqlx::Error),
}

/// Verifies a ledger file, which is opened for reading only.
///
/// `trusted` is a checkpoint note that was kept elsewhere: without one, a file that was replaced by
/// an older copy of itself, or of which the tail was cut off together with everything that speaks
/// of it, looks intact.
pub async fn verify(
    path: &Path,
    verifier_key: &str,
    trusted: Option<&str>,
    mut progress: impl FnMut(Progress),
) -> Result<Report, VerifyError> {
    let verifier = CheckpointVerifier::from_text(verifier_key)?;
    let trusted = trusted
        .map(|note| open_trusted(&verifier, note))
        .transpose()?;
    let mut connection = database::open(path).await?;
    // One transaction: the ledger may be running, and what is compared must be of one moment.
    let mut connection = connection.begin().await?;
    let mut zones = database::zones(&mut connection).await?;
    if let Some((zone, _)) = &trusted {
        // A zone that was erased without trace is still known from the outside.
        zones.insert(zone.clone());
    }
    let mut report = Report {
        zones: Vec::new(),
        findings: Vec::new(),
    };
    let emitters = emitters::read(&mut connection, &mut report).await;
    for zone in zones {
        let kept = trusted
            .as_ref()
            .filter(|(of, _)| *of == zone)
            .map(|(_, kept)| kept.clone());
        let checked = zone::verify(
            &mut connection,
            &verifier,
            &emitters,
            zone,
            kept,
            &mut progress,
        )
        .await?;
        report.zones.push(checked);
    }
    emitters.verify(&mut connection, &mut report).await;
    database::verify_readable(&mut connection, &mut report).await;
    Ok(report)
}

fn open_trusted(
    verifier: &CheckpointVerifier,
    note: &str,
) -> Result<(String, crate::Checkpoint), VerifyError> {
    let origin = note.lines().next().unwrap_or_default();
    let zone = verifier
        .zone_of(origin)
        .ok_or_else(|| VerifyError::Trusted(CheckpointError::Origin(origin.to_owned())))?;
    let checkpoint = verifier
        .for_zone(zone)
        .open_checkpoint(note)
        .map_err(VerifyError::Trusted)?;
    Ok((zone.to_owned(), checkpoint))
}
