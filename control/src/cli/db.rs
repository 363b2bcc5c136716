//! `caracal db`: the databases of authority and ledger, by their owner.

use std::error::Error;

use caracal_audit::Ledger;
use caracal_store::{DatabaseUrl, DatabaseUrlError, Store};
use clap::{Args, Subcommand};

use super::error::{CliError, with_causes};
use super::output::Output;
use crate::database::{DatabaseArgs, LedgerArgs};

const EXAMPLES: &str = "\
A PostgreSQL database for both, from nothing:
  createdb --owner caracal_owner caracal
  export CARACAL_DATABASE_URL=postgres://caracal_owner@localhost/caracal
  export CARACAL_LEDGER_DATABASE_URL=$CARACAL_DATABASE_URL
  caracal db migrate
  caracal db roles
  psql caracal -c \"CREATE ROLE caracal LOGIN PASSWORD '...'
      IN ROLE caracal_control, caracal_sts, caracal_ledger\"
  caracal up --database postgres://caracal@localhost/caracal \\
      --ledger-database postgres://caracal@localhost/caracal";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DbArgs {
    #[command(subcommand)]
    command: DbCommand,
}

#[derive(Debug, Subcommand)]
enum DbCommand {
    /// Brings the schema up to date. Run it as the owner, before services of a new version start.
    Migrate(Places),
    /// Makes the roles `caracal_control` and `caracal_sts`, or `caracal_ledger`, each with what its
    /// service needs and no more. Run it as an owner who may make roles, after each migration.
    Roles(Places),
    /// Declares that the authority log was replaced. Run it after a backup was put back or a failover
    /// lost commits, before services start: whoever followed the old log stops until it is
    /// restarted.
    NewTerm(DatabaseArgs),
}

#[derive(Debug, Args)]
struct Places {
    #[command(flatten)]
    authority: DatabaseArgs,
    #[command(flatten)]
    ledger: LedgerArgs,
}

impl DbArgs {
    pub(crate) async fn run(self, output: &Output) -> Result<(), CliError> {
        match self.command {
            DbCommand::Migrate(places) => {
                let (authority, ledger) = places.given()?;
                if let Some(place) = authority {
                    let done = Store::migrate(&place).await;
                    done.map_err(|error| failure(&place, &error))?;
                    output.line(&format!("{place} is up to date for the authority state"))?;
                }
                if let Some(place) = ledger {
                    let done = Ledger::migrate(&place).await;
                    done.map_err(|error| failure(&place, &error))?;
                    output.line(&format!("{place} is up to date for the ledger"))?;
                }
                Ok(())
            }
            DbCommand::Roles(places) => {
                let (authority, ledger) = places.given()?;
                if let Some(place) = authority {
                    let done = Store::create_roles(&place).await;
                    done.map_err(|error| failure(&place, &error))?;
                    output.line(&format!(
                        "{place} has the roles caracal_control and caracal_sts"
                    ))?;
                }
                if let Some(place) = ledger {
                    let done = Ledger::create_roles(&place).await;
                    done.map_err(|error| failure(&place, &error))?;
                    output.line(&format!("{place} has the role caracal_ledger"))?;
                }
                Ok(())
            }
            DbCommand::NewTerm(args) => {
                let place = read(args.given())?.ok_or_else(none_given)?;
                let term = Store::raise_term(&place).await;
                let term = term.map_err(|error| failure(&place, &error))?;
                output.line(&format!("{place} has term {term}; restart every service"))
            }
        }
    }
}

impl Places {
    /// One place at least.
    fn given(&self) -> Result<(Option<DatabaseUrl>, Option<DatabaseUrl>), CliError> {
        match (read(self.authority.given())?, read(self.ledger.given())?) {
            (None, None) => Err(none_given()),
            places => Ok(places),
        }
    }
}

fn read(
    given: Option<Result<DatabaseUrl, DatabaseUrlError>>,
) -> Result<Option<DatabaseUrl>, CliError> {
    given
        .transpose()
        .map_err(|error| CliError::Usage(error.to_string()))
}

fn none_given() -> CliError {
    CliError::Usage(
        "no database: give --database or --ledger-database, or set CARACAL_DATABASE_URL or \
         CARACAL_LEDGER_DATABASE_URL"
            .to_owned(),
    )
}

fn failure(place: &DatabaseUrl, error: &dyn Error) -> CliError {
    CliError::Failure(format!("{place}: {}", with_causes(error)))
}
