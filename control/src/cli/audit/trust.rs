//! What several commands are told: whom to believe, and where a log is published.

use std::path::{Path, PathBuf};

use caracal_audit::published::PublishedLog;
use caracal_audit::{CheckpointVerifier, LogTrust};
use clap::Args;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::cli::error::{CliError, with_causes};
use crate::cli::verify::{key_text, trust_policy};

#[derive(Debug, Args)]
pub(super) struct TrustArgs {
    /// The verifier key of the ledger, or of one zone's log: its text, or a file that holds it.
    #[arg(
        long,
        value_name = "FILE|TEXT",
        env = "CARACAL_LEDGER_KEY",
        default_value = "./caracal-data/ledger.vkey"
    )]
    key: String,
    /// C2SP tlog-policy: which witnesses have to have cosigned.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

impl TrustArgs {
    pub(super) fn read(self) -> Result<LogTrust, CliError> {
        let Self { key, policy } = self;
        let text = key_text(key).map_err(|error| CliError::Usage(format!("--key: {error}")))?;
        let key = CheckpointVerifier::from_text(text.trim())
            .map_err(|error| CliError::Usage(format!("--key: {error}")))?;
        let policy = policy.as_deref().map(trust_policy).transpose()?;
        Ok(LogTrust::new(key, policy))
    }
}

/// Reads the authorities of `--tiles-ca` and opens the log at `--tiles`.
pub(super) fn published(place: &str, ca: Option<&Path>) -> Result<PublishedLog, CliError> {
    let authorities = ca.map(authorities).transpose()?.unwrap_or_default();
    PublishedLog::at(place, &authorities)
        .map_err(|error| CliError::Usage(format!("--tiles: {}", with_causes(&error))))
}

fn authorities(file: &Path) -> Result<Vec<CertificateDer<'static>>, CliError> {
    let wrong = |why: String| CliError::Usage(format!("--tiles-ca {}: {why}", file.display()));
    let pem = std::fs::read(file).map_err(|error| wrong(error.to_string()))?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let all = all.map_err(|error| wrong(error.to_string()))?;
    if all.is_empty() {
        return Err(wrong("it has no certificate".to_owned()));
    }
    Ok(all)
}
