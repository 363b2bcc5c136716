//! The stored checkpoints of one zone.

use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::super::database::{bytes, count, text};
use super::super::report::{Finding, FindingKind};
use super::super::tree::Milestone;
use super::state::Account;
use crate::merkle::Frontier;
use crate::note::CheckpointVerifier;

/// Reads and checks all checkpoints, and returns the good ones by size.
pub(super) async fn read(
    connection: &mut SqliteConnection,
    verifier: &CheckpointVerifier,
    zone: &str,
    account: Option<&Account>,
    findings: &mut Vec<Finding>,
) -> Result<Vec<Milestone>, sqlx::Error> {
    let verifier = verifier.for_zone(zone);
    let rows = sqlx::query("SELECT * FROM checkpoints WHERE zone = $1 ORDER BY size")
        .bind(zone)
        .fetch_all(connection)
        .await?;
    let mut milestones = Vec::with_capacity(rows.len());
    // Size of the checkpoint before, good or not.
    let mut before = 0;
    for row in &rows {
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

fn milestone(
    row: &SqliteRow,
    verifier: &CheckpointVerifier,
    size: u64,
) -> Result<Milestone, String> {
    let note = text(row, "note").ok_or("the note is not text")?;
    let checkpoint = verifier
        .open_checkpoint(&note)
        .map_err(|error| error.to_string())?;
    if checkpoint.size != size {
        return Err(format!(
            "it is stored for {size} entries, but signed for {}",
            checkpoint.size
        ));
    }
    let frontier = Frontier::from_bytes(size, &bytes(row, "frontier"))
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
