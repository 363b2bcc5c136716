//! `caracal audit verify`: offline, with the public key only.

use std::path::{Path, PathBuf};

use caracal_audit::verify::{Trust, verify_export, verify_with};
use caracal_audit::{Report, Severity, TrustPolicy};
use clap::Args;
use serde_json::json;

use super::bar::Bar;
use super::error::{CliError, with_causes};
use super::output::Output;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  caracal audit verify --ledger caracal-data/ledger.db --key caracal-data/ledger.vkey
  caracal audit verify --export audit-2026 --key ledger.vkey

Exit status 1 means that something is wrong: an entry was changed, removed or added, or an
emitter's events are missing; with --policy also that no quorum of witnesses has seen it. Without --checkpoint, a file that was replaced by an older copy of
itself looks intact: keep a checkpoint elsewhere.")]
pub(crate) struct VerifyArgs {
    /// The ledger file; it is only read.
    #[arg(long, value_name = "FILE", required_unless_present = "export")]
    ledger: Option<PathBuf>,
    /// A folder that `caracal audit export` made, instead of a file.
    #[arg(long, value_name = "DIR", conflicts_with = "ledger")]
    export: Option<PathBuf>,
    /// The verifier key: its text, or a file that holds it.
    #[arg(long, value_name = "FILE|TEXT")]
    key: String,
    /// A signed checkpoint that was kept elsewhere.
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// C2SP tlog-policy: which witnesses have to have cosigned.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

impl VerifyArgs {
    pub(crate) fn run(self, output: &Output) -> Result<(), CliError> {
        let Self {
            ledger,
            export,
            key,
            checkpoint,
            policy,
        } = self;
        let key = key_text(key)?;
        let checkpoint = checkpoint.as_deref().map(read).transpose()?;
        let policy = policy.as_deref().map(trust_policy).transpose()?;
        let trust = Trust {
            verifier_key: key.trim(),
            kept: checkpoint.as_deref(),
            policy: policy.as_ref(),
        };
        let mut bar = Bar::new("checked");
        let show = |progress| bar.show(&progress);
        let (place, verified) = match (ledger, export) {
            (_, Some(folder)) => {
                let verified = verify_export(&folder, trust, show);
                (folder, verified)
            }
            (Some(ledger), None) => {
                let verified = verify_with(&ledger, trust, show);
                (ledger, verified)
            }
            (None, None) => return Err(CliError::Usage("give --ledger or --export".to_owned())),
        };
        bar.clear();
        let report = verified.map_err(|error| {
            CliError::Failure(format!(
                "{}: {}; check --ledger or --export, --key and --checkpoint",
                place.display(),
                with_causes(&error)
            ))
        })?;
        if output.is_json() {
            output.json(&json!(report))?;
        } else {
            output.line(&for_people(&report))?;
        }
        if report.worst().is_some_and(|worst| worst > Severity::Notice) {
            return Err(CliError::Reported);
        }
        Ok(())
    }
}

/// A key's text has two plus signs at least; a file of such a name would be a strange one.
pub(super) fn key_text(key: String) -> Result<String, CliError> {
    let path = Path::new(&key);
    if path.exists() || !key.contains('+') {
        read(path)
    } else {
        Ok(key)
    }
}

pub(super) fn trust_policy(path: &Path) -> Result<TrustPolicy, CliError> {
    let text = read(path)?;
    TrustPolicy::parse(text.as_bytes())
        .map_err(|error| CliError::Usage(format!("{}: {error}", path.display())))
}

fn read(path: &Path) -> Result<String, CliError> {
    std::fs::read_to_string(path)
        .map_err(|error| CliError::Usage(format!("{} cannot be read: {error}", path.display())))
}

fn for_people(report: &Report) -> String {
    let mut lines: Vec<_> = report
        .zones
        .iter()
        .map(|zone| {
            format!(
                "zone {}: {} entries, {} checkpoints, {} entries signed, root {}",
                zone.zone, zone.entries, zone.checkpoints, zone.signed, zone.root
            )
        })
        .collect();
    lines.extend(report.all().map(|finding| {
        let severity = match finding.severity {
            Severity::Notice => "notice",
            Severity::Gap => "GAP",
            Severity::Unwitnessed => "UNWITNESSED",
            Severity::Tampered => "TAMPERED",
        };
        format!("{severity}: {finding}")
    }));
    lines.push(match report.worst() {
        None | Some(Severity::Notice) => "the ledger is intact".to_owned(),
        Some(Severity::Gap) => "the ledger is intact, but events are missing from it".to_owned(),
        Some(Severity::Unwitnessed) => {
            "the ledger is NOT witnessed as the policy demands: others may have been shown another history".to_owned()
        }
        Some(Severity::Tampered) => "the ledger is NOT what was recorded".to_owned(),
    });
    lines.join("\n")
}
