//! The stored checkpoints of one zone.

use rusqlite::{Connection, Error, Row};

use super::super::database::{borrowed, bytes, count};
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
        let size = count(row, "size").unwrap_or(0);
        let previous = count(row, "previous_size");
        if previous != Some(before) {
            let previous = previous.unwrap_or(0);
            let finding = Finding::tampered(FindingKind::Checkpoint, zone);
            // One that is gone, or a name that was changed: both concern what lies in between.
            findings.push(over(finding, before, size).says(
                format!("the checkpoint for {size} entries does not follow the one before it"),
                format!(
                    "it names one for {previous} entries, the one that is there is for {before}"
                ),
            ));
        }
        match milestone(row, &verifier, size) {
            Ok(milestone) => {
                if milestone.frontier.is_none() {
                    let finding = Finding::tampered(FindingKind::Checkpoint, zone);
                    findings.push(over(finding, before, size).says(
                        format!(
                            "the frontier beside the checkpoint for {size} entries was changed"
                        ),
                        "it does not lead to the signed root",
                    ));
                }
                milestones.push(milestone);
            }
            Err(evidence) => findings.push(
                over(
                    Finding::tampered(FindingKind::Checkpoint, zone),
                    before,
                    size,
                )
                .says(
                    format!("the checkpoint for {size} entries is forged or damaged"),
                    evidence,
                ),
            ),
        }
        before = size;
    }
    if let Some(account) = account
        && account.checkpoint_size != before
    {
        let recorded = account.checkpoint_size;
        let finding = Finding::tampered(FindingKind::Checkpoint, zone);
        let finding = over(finding, before.min(recorded), before.max(recorded));
        findings.push(finding.says(
            "the newest checkpoint is not the one that was signed last",
            format!(
                "the log says that {recorded} entries were signed last, the newest checkpoint is for {before}"
            ),
        ));
    }
    Ok(milestones)
}

fn milestone(row: &Row<'_>, verifier: &CheckpointVerifier, size: u64) -> Result<Milestone, String> {
    let note = borrowed(row, "note").ok_or("the note is not text")?;
    let checkpoint = verifier
        .open_checkpoint(note)
        .map_err(|error| error.to_string())?;
    if checkpoint.size != size {
        return Err(format!(
            "it is stored for {size} entries, but signed for {}",
            checkpoint.size
        ));
    }
    let frontier = Frontier::from_bytes(size, bytes(row, "frontier"))
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
