//! The stored checkpoints of one zone.

use rusqlite::{Connection, Error};

use super::super::database::{bytes, count, text};
use super::super::report::{Finding, FindingKind};
use super::super::tree::Milestone;
use super::state::Account;
use crate::merkle::Frontier;
use crate::note::CheckpointVerifier;

/// Reads and checks all checkpoints, and returns the good ones by size.
pub(super) fn read(
    connection: &Connection,
    verifier: &CheckpointVerifier,
    zone: &str,
    account: Option<&Account>,
    findings: &mut Vec<Finding>,
) -> Result<Vec<Milestone>, Error> {
    let verifier = verifier.for_zone(zone);
    let mut statement =
        connection.prepare("SELECT * FROM checkpoints WHERE zone = ?1 ORDER BY size")?;
    let mut rows = statement.query([zone])?;
    let mut milestones = Vec::new();
    // Size of the checkpoint before, good or not.
    let mut before = 0;
    while let Some(row) = rows.next()? {
        let row = StoredCheckpoint {
            size: count(row, "size").unwrap_or(0),
            previous: count(row, "previous_size"),
            note: text(row, "note"),
            frontier: bytes(row, "frontier").to_vec(),
        };
        milestones.extend(judge(&row, &verifier, zone, before, findings));
        before = row.size;
    }
    findings.extend(account.and_then(|account| newest(zone, account.checkpoint_size, before)));
    Ok(milestones)
}

/// Whether the newest checkpoint, for `found` entries, is the one that the log says was signed last.
pub(crate) fn newest(zone: &str, recorded: u64, found: u64) -> Option<Finding> {
    (recorded != found).then(|| {
        let finding = Finding::tampered(FindingKind::Checkpoint, zone);
        over(finding, found.min(recorded), found.max(recorded)).says(
            "the newest checkpoint is not the one that was signed last",
            format!(
                "the log says that {recorded} entries were signed last, the newest checkpoint is for {found}"
            ),
        )
    })
}

/// A row of `checkpoints` as plain values, from whichever database.
pub(crate) struct StoredCheckpoint {
    pub(crate) size: u64,
    /// Nothing where the column is no size.
    pub(crate) previous: Option<u64>,
    pub(crate) note: Option<String>,
    pub(crate) frontier: Vec<u8>,
}

/// Whether the checkpoint holds under the key of the zone's log, and follows the one for `before`
/// entries, good or not.
pub(crate) fn judge(
    row: &StoredCheckpoint,
    verifier: &CheckpointVerifier,
    zone: &str,
    before: u64,
    findings: &mut Vec<Finding>,
) -> Option<Milestone> {
    let size = row.size;
    let finding = || {
        over(
            Finding::tampered(FindingKind::Checkpoint, zone),
            before,
            size,
        )
    };
    if row.previous != Some(before) {
        let previous = row.previous.unwrap_or(0);
        // One that is gone, or a name that was changed: both concern what lies in between.
        findings.push(finding().says(
            format!("the checkpoint for {size} entries does not follow the one before it"),
            format!("it names one for {previous} entries, the one that is there is for {before}"),
        ));
    }
    match milestone(row, verifier) {
        Ok(milestone) => {
            if milestone.frontier.is_none() {
                findings.push(finding().says(
                    format!("the frontier beside the checkpoint for {size} entries was changed"),
                    "it does not lead to the signed root",
                ));
            }
            Some(milestone)
        }
        Err(evidence) => {
            findings.push(finding().says(
                format!("the checkpoint for {size} entries is forged or damaged"),
                evidence,
            ));
            None
        }
    }
}

fn milestone(row: &StoredCheckpoint, verifier: &CheckpointVerifier) -> Result<Milestone, String> {
    let size = row.size;
    let note = row.note.as_deref().ok_or("the note is not text")?;
    let checkpoint = verifier
        .open_checkpoint(note)
        .map_err(|error| error.to_string())?;
    if checkpoint.size != size {
        return Err(format!(
            "it is stored for {size} entries, but signed for {}",
            checkpoint.size
        ));
    }
    let frontier = Frontier::from_bytes(size, &row.frontier)
        .ok()
        .filter(|frontier| frontier.root() == checkpoint.root);
    let source = "signed checkpoint";
    Ok(Milestone {
        size,
        root: checkpoint.root,
        frontier,
        source,
        signed: true,
    })
}

/// The entries that the checkpoint would have vouched for, if there are any.
fn over(finding: Finding, before: u64, size: u64) -> Finding {
    match size.checked_sub(1) {
        Some(last) if last >= before => finding.over(before, last),
        _ => finding,
    }
}
