//! `caracal audit check`: a receipt, offline.

use std::path::{Path, PathBuf};

use caracal_audit::LogTrust;
use caracal_audit::Vouched;
use caracal_audit::follow::{FollowError, agree};
use caracal_audit::published::PublishedLog;
use caracal_audit::tlog_proof::TlogProof;
use clap::Args;

use super::receipt::Proven;
use super::trust::{TrustArgs, published};
use crate::cli::error::{CliError, with_causes};
use crate::cli::output::Output;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  caracal audit check --proof bank-42.tlog-proof --key ledger.vkey --policy witnesses.policy
  caracal audit check --proof bank-42.tlog-proof --key ledger.vkey --tiles https://audit.example.com/log/bank

The second one asks as well whether the log that is published now continues the one of the receipt.
Exit status 1 means that the receipt proves nothing, or that the log has shown two histories.")]
pub(crate) struct CheckArgs {
    /// The receipt: C2SP tlog-proof.
    #[arg(long, value_name = "FILE")]
    proof: PathBuf,
    /// The entry, where it is not in the receipt, or to be sure that it is this one.
    #[arg(long, value_name = "FILE")]
    entry: Option<PathBuf>,
    #[command(flatten)]
    trust: TrustArgs,
    /// Where the log is published: the folder with its checkpoint, or its address.
    #[arg(long, value_name = "PATH|URL")]
    tiles: Option<String>,
    /// Authorities to believe at that address, beside the system's, as PEM.
    #[arg(long, value_name = "FILE", requires = "tiles")]
    tiles_ca: Option<PathBuf>,
}

impl CheckArgs {
    pub(crate) async fn run(self, output: &Output) -> Result<(), CliError> {
        let Self {
            proof: file,
            entry,
            trust,
            tiles,
            tiles_ca,
        } = self;
        let trust = trust.read()?;
        let text = String::from_utf8(read(&file)?);
        let text = text.map_err(|_| CliError::Failure(unproven(&file, "it is no text")))?;
        let proof = TlogProof::parse(&text)
            .map_err(|error| CliError::Failure(unproven(&file, &with_causes(&error))))?;
        let entry = match (entry, proof.extra()) {
            (Some(entry), _) => read(&entry)?,
            (None, Some(entry)) => entry.to_vec(),
            (None, None) => {
                return Err(CliError::Usage(format!(
                    "{} does not contain its entry: give --entry FILE",
                    file.display()
                )));
            }
        };
        let vouched = proof
            .verify(&entry, &trust)
            .map_err(|error| CliError::Failure(unproven(&file, &with_causes(&error))))?;
        let proven = Proven {
            proof: &proof,
            entry: &entry,
            vouched: &vouched,
        };
        let now = match tiles {
            None => None,
            Some(place) => {
                let log = published(&place, tiles_ca.as_deref())?;
                Some(still_there(&log, &vouched, &trust).await?)
            }
        };
        if output.is_json() {
            return output.json(&proven.json());
        }
        output.line(&proven.words())?;
        match now {
            None => Ok(()),
            Some(size) => output.line(&format!(
                "The log that is published now, with {size} entries, has the same beginning."
            )),
        }
    }
}

/// The size of the published log, if it and the receipt's are of one history.
async fn still_there(
    log: &PublishedLog,
    proven: &Vouched,
    trust: &LogTrust,
) -> Result<u64, CliError> {
    let unreachable = |error: &dyn std::error::Error| CliError::Unavailable(with_causes(error));
    let note = log
        .checkpoint()
        .await
        .map_err(|error| unreachable(&error))?;
    let note = note
        .ok_or_else(|| CliError::Unavailable(format!("no log is published at {}", log.place())))?;
    let now = trust.open(&note).map_err(|error| {
        CliError::Failure(format!("the published checkpoint: {}", with_causes(&error)))
    })?;
    let (before, now) = (&proven.checkpoint, now.checkpoint);
    if before.origin != now.origin {
        return Err(CliError::Usage(format!(
            "--tiles: {} is the log {}, and the receipt is of {}",
            log.place(),
            now.origin,
            before.origin
        )));
    }
    match agree(log, before, &now).await {
        Ok(true) => Ok(now.size),
        Ok(false) => Err(CliError::Failure(format!(
            "FORK: the log has signed {} entries in the receipt, and {} that do not agree with them at {}: \
             keep both",
            before.size,
            now.size,
            log.place()
        ))),
        Err(error @ FollowError::Unreachable(_)) => Err(unreachable(&error)),
        Err(error) => Err(CliError::Failure(with_causes(&error))),
    }
}

fn unproven(file: &Path, why: &str) -> String {
    format!("NOT PROVEN: {}: {why}", file.display())
}

fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    std::fs::read(path)
        .map_err(|error| CliError::Usage(format!("{} cannot be read: {error}", path.display())))
}
