//! The command line: a client of the management API, and some tools that need no server.

mod app;
mod audit;
mod bar;
mod client;
mod copy;
mod credential;
mod db;
mod delegation;
mod dev_ca;
mod envoy;
mod error;
mod explain;
mod export;
mod file;
mod grant;
mod issuer;
mod key;
mod listing;
mod output;
mod point;
mod policy;
mod resource;
mod revoke;
mod session;
mod span;
mod status;
mod suspend;
mod verify;
mod witness;
mod zone;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::ExitCode;

use caracal_mandate::name::Name;
use clap::{Args, Parser, Subcommand};

use crate::settings::Program;
use client::Client;
pub(crate) use error::CliError;
use output::{Format, Output};
pub(crate) use span::Seconds;

/// Exit status for a command line that cannot be understood (`EX_USAGE` of sysexits.h).
const EXIT_USAGE: u8 = 64;

/// Exit status for something that cannot be reached (`EX_UNAVAILABLE`).
const EXIT_UNAVAILABLE: u8 = 69;

/// Exit status for a configuration with mistakes, of what serves.
const EXIT_CONFIGURATION: u8 = 2;

const EXAMPLES: &str = "\
Examples, from nothing to a first mandate:
  caracal dev-ca --out caracal-data/tls sts=caracal/sts agent=ns/agents/sa/payout
  caracal up
  caracal zone create bank --issuer https://sts.example/zones/bank
  caracal app create payout --zone bank --spiffe-id spiffe://caracal.dev/ns/agents/sa/payout
  caracal resource create accounts --zone bank --uri https://accounts.bank --host accounts.bank \\
      --operation 'read-account GET /accounts/{id} accounts:read'
  caracal policy apply policy.rego --zone bank
  caracal grant create --zone bank --app payout --resource accounts --scope accounts:read
  caracal revoke grant/grt_... --zone bank --wait";

/// Short-lived, revocable mandates for AI agents, enforced in the service mesh.
#[derive(Debug, Parser)]
#[command(name = "caracal", version, after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten)]
    global: GlobalArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
struct GlobalArgs {
    /// Address of the management API.
    #[arg(
        long,
        global = true,
        env = "CARACAL_SERVER",
        default_value = "http://127.0.0.1:9070",
        value_name = "URL"
    )]
    server: String,
    /// File with the administrator's token; `caracal up` writes it into its data directory.
    #[arg(
        long,
        global = true,
        env = "CARACAL_TOKEN_FILE",
        default_value = "./caracal-data/admin.token",
        value_name = "FILE"
    )]
    token_file: PathBuf,
    /// Zone to work in.
    #[arg(long, short, global = true, env = "CARACAL_ZONE", value_name = "NAME")]
    zone: Option<Name>,
    /// How to print answers; `json` is what the server said.
    #[arg(long, short, global = true, value_enum, default_value_t = Format::Table)]
    output: Format,
    /// Makes a change safe to send twice: with the same key it happens once.
    #[arg(long, global = true, value_name = "KEY")]
    idempotency_key: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs token service, management API and ledger in one process; see `caracal up --help`.
    #[command(disable_help_flag = true)]
    Up(ServeArgs),
    /// Runs a token service alone; see `caracal sts --help`.
    #[command(disable_help_flag = true)]
    Sts(ServeArgs),
    /// Runs the management API alone; see `caracal control --help`.
    #[command(disable_help_flag = true)]
    Control(ServeArgs),
    /// The authority database: schema, roles, what to do after a restore.
    Db(db::DbArgs),
    /// Makes a CA and workload certificates, for development only.
    DevCa(dev_ca::DevCaArgs),
    /// Zones: tenants with keys, policy, resources and ledger of their own.
    #[command(subcommand)]
    Zone(zone::ZoneCommand),
    /// Applications: workloads that may hold mandates.
    #[command(subcommand)]
    App(app::AppCommand),
    /// Issuers: whose tokens count for humans and Kubernetes workloads.
    #[command(subcommand)]
    Issuer(issuer::IssuerCommand),
    /// Resources: what is protected, and what can be done there.
    #[command(subcommand)]
    Resource(resource::ResourceCommand),
    /// Grants: which application may ask for which scopes. Without one nothing is issued.
    #[command(subcommand)]
    Grant(grant::GrantCommand),
    /// Delegations: which application may have which other one act for it, and with what.
    #[command(subcommand)]
    Delegation(delegation::DelegationCommand),
    /// Policies: Rego that has to allow every issue.
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// Signing keys: what signs the mandates of a zone.
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Enforcement points: proxies that may speak for others.
    #[command(subcommand)]
    Point(point::PointCommand),
    /// Revokes a mandate, session, grant, delegation, application, resource or the whole zone.
    Revoke(revoke::RevokeArgs),
    /// Suspends a session, application, grant or delegation, until it is resumed.
    Suspend(suspend::SuspendArgs),
    /// Ends a suspension.
    Resume(suspend::ResumeArgs),
    /// Sessions of applications, and who acts on whose behalf.
    #[command(subcommand)]
    Session(session::SessionCommand),
    /// The ledger of decisions.
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// A witness: cosigns the ledgers of others, so that not even they can show two histories.
    #[command(subcommand)]
    Witness(witness::WitnessCommand),
    /// Why a request was decided as it was, from the ledger.
    Explain(explain::ExplainArgs),
    /// Connected enforcement points: what they have applied, and when they last spoke.
    Status,
    /// Envoy configurations.
    #[command(subcommand)]
    Envoy(envoy::EnvoyCommand),
}

/// Settings of what serves. They are read by [`crate::settings`], all at once.
#[derive(Debug, Args)]
struct ServeArgs {
    /// Settings, and --config FILE, --check-config, --help.
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "--NAME VALUE"
    )]
    settings: Vec<OsString>,
}

/// What every command works with.
struct Context {
    client: Client,
    zone: Option<Name>,
    output: Output,
}

impl Context {
    /// The zone.
    fn zone(&self) -> Result<&Name, CliError> {
        self.zone.as_ref().ok_or_else(|| {
            CliError::Usage("no zone: give --zone NAME or set CARACAL_ZONE".to_owned())
        })
    }

    /// Path of something in the zone.
    fn zone_path(&self, rest: &str) -> Result<String, CliError> {
        Ok(format!("/v1/zones/{}/{rest}", self.zone()?))
    }
}

/// Parses the command line and runs the command. Boxed, so that the code of everything is generated
/// in this library, once.
#[must_use]
pub fn run() -> Pin<Box<dyn Future<Output = ExitCode>>> {
    Box::pin(run_command())
}

async fn run_command() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way as well. A closed pipe is no failure of ours.
            let _closed = error.print();
            return if error.use_stderr() {
                EXIT_USAGE.into()
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    let result = match cli.command {
        Command::Up(args) => crate::serve::command(Program::Up, &args.settings).await,
        Command::Sts(args) => crate::serve::command(Program::Sts, &args.settings).await,
        Command::Control(args) => crate::serve::command(Program::Control, &args.settings).await,
        command => {
            crate::serve::log_for_commands();
            dispatch(cli.global, command).await
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // The report is printed, and says what is wrong.
        Err(CliError::Reported) => ExitCode::FAILURE,
        Err(error) => {
            let _closed = writeln!(std::io::stderr(), "error: {error}");
            match error {
                CliError::Usage(_) => EXIT_USAGE.into(),
                CliError::Configuration(_) => EXIT_CONFIGURATION.into(),
                CliError::Unavailable(_) => EXIT_UNAVAILABLE.into(),
                _ => ExitCode::FAILURE,
            }
        }
    }
}

async fn dispatch(global: GlobalArgs, command: Command) -> Result<(), CliError> {
    let GlobalArgs {
        server,
        token_file,
        zone,
        output,
        idempotency_key,
    } = global;
    let context = Context {
        client: Client::new(server, token_file, idempotency_key)?,
        zone,
        output: Output::new(output),
    };
    match command {
        Command::Up(_) | Command::Sts(_) | Command::Control(_) => Ok(()),
        Command::Db(args) => args.run(&context.output).await,
        Command::DevCa(args) => args.run(&context.output),
        Command::Zone(command) => command.run(&context).await,
        Command::App(command) => command.run(&context).await,
        Command::Issuer(command) => command.run(&context).await,
        Command::Resource(command) => command.run(&context).await,
        Command::Grant(command) => command.run(&context).await,
        Command::Delegation(command) => command.run(&context).await,
        Command::Policy(command) => command.run(&context).await,
        Command::Key(command) => command.run(&context).await,
        Command::Point(command) => command.run(&context).await,
        Command::Revoke(args) => args.run(&context).await,
        Command::Suspend(args) => args.run(&context).await,
        Command::Resume(args) => args.run(&context).await,
        Command::Session(command) => command.run(&context).await,
        Command::Audit(command) => command.run(&context).await,
        Command::Witness(command) => command.run(&context.output).await,
        Command::Explain(args) => args.run(&context).await,
        Command::Status => status::run(&context).await,
        Command::Envoy(command) => command.run(&context.output),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
