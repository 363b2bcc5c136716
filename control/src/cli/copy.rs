//! `caracal audit copy`: a ledger from a server into a file.

use std::path::PathBuf;

use clap::Args;

use super::error::{CliError, with_causes};
use super::output::Output;
use crate::database::LedgerArgs;

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  caracal audit copy --ledger-database postgres://auditor@db/caracal --to ledger.db
  caracal audit verify --ledger ledger.db --key ledger.vkey

The copy proves nothing by itself; the second command does.")]
pub(crate) struct CopyArgs {
    #[command(flatten)]
    from: LedgerArgs,
    /// The file to make.
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
}

impl CopyArgs {
    pub(crate) async fn run(self, output: &Output) -> Result<(), CliError> {
        let from = self.from.given().ok_or_else(|| {
            CliError::Usage(
                "no ledger: give --ledger-database URL or set CARACAL_LEDGER_DATABASE_URL"
                    .to_owned(),
            )
        })?;
        let from = from.map_err(|error| CliError::Usage(error.to_string()))?;
        let entries = caracal_audit::copy::copy(&from, &self.to).await;
        let entries = entries.map_err(|error| {
            let place = self.to.display();
            CliError::Failure(format!("{from} to {place}: {}", with_causes(&error)))
        })?;
        output.line(&format!("{}: {entries} entries", self.to.display()))
    }
}
