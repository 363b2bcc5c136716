//! `caracal db`: the authority database, by its owner.

use std::fmt::Write as _;

use caracal_store::{DatabaseUrl, OpenError, Store};
use clap::{Args, Subcommand};

use super::error::CliError;
use super::output::Output;
use crate::database::DatabaseArgs;

const EXAMPLES: &str = "\
A PostgreSQL database, from nothing:
  createdb --owner caracal_owner caracal
  caracal db migrate --database postgres://caracal_owner@localhost/caracal
  caracal db roles   --database postgres://caracal_owner@localhost/caracal
  psql caracal -c \"CREATE ROLE caracal LOGIN PASSWORD '...' IN ROLE caracal_control, caracal_sts\"
  caracal up         --database postgres://caracal@localhost/caracal";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DbArgs {
    #[command(subcommand)]
    command: DbCommand,
}

#[derive(Debug, Subcommand)]
enum DbCommand {
    /// Brings the schema up to date. Run it as the owner, before services of a new version start.
    Migrate(DatabaseArgs),
    /// Makes the roles `caracal_control` and `caracal_sts`, each with what its service needs and no
    /// more. Run it as an owner who may make roles, after each migration.
    Roles(DatabaseArgs),
    /// Declares that the log was replaced. Run it after a backup was put back or a failover lost
    /// commits, before services start: whoever followed the old log stops until it is restarted.
    NewTerm(DatabaseArgs),
}

impl DbArgs {
    pub(crate) async fn run(self, output: &Output) -> Result<(), CliError> {
        match self.command {
            DbCommand::Migrate(args) => {
                let place = place(&args)?;
                let done = Store::migrate(&place).await;
                done.map_err(|error| failure(&place, &error))?;
                output.line(&format!("{place} is up to date"))
            }
            DbCommand::Roles(args) => {
                let place = place(&args)?;
                let done = Store::create_roles(&place).await;
                done.map_err(|error| failure(&place, &error))?;
                output.line(&format!(
                    "{place} has the roles caracal_control and caracal_sts"
                ))
            }
            DbCommand::NewTerm(args) => {
                let place = place(&args)?;
                let term = Store::raise_term(&place).await;
                let term = term.map_err(|error| failure(&place, &error))?;
                output.line(&format!("{place} has term {term}; restart every service"))
            }
        }
    }
}

fn place(args: &DatabaseArgs) -> Result<DatabaseUrl, CliError> {
    let given = args.given().ok_or_else(|| {
        CliError::Usage("no database: give --database URL or set CARACAL_DATABASE_URL".to_owned())
    })?;
    given.map_err(|error| CliError::Usage(error.to_string()))
}

fn failure(place: &DatabaseUrl, error: &OpenError) -> CliError {
    let mut text = format!("{place}: {error}");
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        // Writing to a `String` cannot fail.
        let _ = write!(text, ": {inner}");
        cause = inner.source();
    }
    CliError::Failure(text)
}
