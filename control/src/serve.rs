//! What runs until it is told to stop: `caracal up`, and its two halves, `caracal sts` and
//! `caracal control`.
//!
//! ```text
//! up      = token service + management API, in one process, which ask each other directly
//! sts     = token service                  <--gRPC, mutual TLS--  control = management API
//! ```
//!
//! Each process has the authority database and the ledger under a role of its own, and its turn at the
//! ledger. Nothing is wired twice: [`run`] starts the halves that the settings have.

mod base;
mod data;
mod jwks;
mod keys;
mod local;
mod logging;
mod management;
mod publication;
mod redis;
mod remote;
mod servers;
mod token_service;
mod witnesses;

use std::ffi::OsString;
use std::io::Write as _;
use std::time::Duration;

use anyhow::Context as _;

use crate::cli::CliError;
use crate::settings::{Asked, Program, Settings, help};
use base::Base;
pub(crate) use data::read_secret;
pub(crate) use jwks::JwksSettings;
pub(crate) use keys::KeySettings;
pub(crate) use logging::start_for_commands as log_for_commands;
pub(crate) use publication::PublicationSettings;
pub(crate) use redis::RedisSettings;
use remote::TokenServices;
use servers::Servers;
pub(crate) use witnesses::WitnessSettings;

/// Longest time that changes under way may take to end, and the ledger to write down and publish. A
/// database that does not answer must not keep a process for ever; what is not recorded was never
/// released.
const CLOSING_PATIENCE: Duration = Duration::from_secs(10);

/// How long the last entries may take to a collector. What it is too short for goes after the next start.
const EXPORT_PATIENCE: Duration = Duration::from_secs(2);

/// Reads the configuration and does what it asks for.
pub(crate) async fn command(program: Program, arguments: &[OsString]) -> Result<(), CliError> {
    let mut stdout = std::io::stdout().lock();
    let asked = Settings::read(program, arguments, &|name| std::env::var_os(name));
    let settings = match asked {
        Err(mistakes) => return Err(CliError::Configuration(format!("{program}: {mistakes}"))),
        Ok(Asked::Help) => return Ok(stdout.write_all(help(program).as_bytes())?),
        Ok(Asked::Check) => {
            return Ok(writeln!(
                stdout,
                "{program}: the configuration is in order"
            )?);
        }
        Ok(Asked::Serve(settings)) => settings,
    };
    drop(stdout);
    logging::start(settings.log, &settings.log_level);
    run(*settings)
        .await
        .map_err(|error| CliError::Failure(format!("{program}: {error:#}")))
}

/// Runs until SIGTERM or SIGINT, then ends in order: readiness, callers, changes, ledger, databases.
async fn run(settings: Settings) -> anyhow::Result<()> {
    let (base, parts) = Base::open(settings).await?;
    let mut servers = Servers::default();
    let sts = match parts.token_service {
        None => None,
        Some(settings) => {
            Some(token_service::start(settings, &base, &parts.shared, &mut servers).await?)
        }
    };
    let changes = match parts.management {
        None => None,
        Some(settings) => Some(if let Some(sts) = &sts {
            management::start(settings, &base, &parts.shared, sts.clone(), &mut servers).await?
        } else {
            let remote = TokenServices::new(
                &settings.token_services,
                &parts.shared.tls,
                base.store.clone(),
                base.random.clone(),
            )?;
            management::start(settings, &base, &parts.shared, remote, &mut servers).await?
        }),
    };
    if let (Some(sts), Some(export)) = (&sts, &base.ledger_export) {
        sts.show_log_export(export.watch());
    }
    servers.announce()?;
    let draining = || {
        base.draining.begin();
        if let Some(sts) = &sts {
            sts.begin_drain();
        }
    };
    let served = servers.until_stopped(parts.shared.drain, draining).await;
    let closing = async {
        // Changes whose callers have gone still want the ledger; after that nobody does.
        if let Some(changes) = changes {
            changes.settled().await;
        }
        if let Some(sts) = sts {
            sts.flush().await;
        }
        if let Some(export) = base.ledger_export {
            export.stop(EXPORT_PATIENCE).await;
        }
        base.ledger.close().await;
        // Its last checkpoints are signed by now.
        if let Some(publishing) = base.publishing {
            publishing.stop().await;
        }
        base.store.close().await;
    };
    let closed = tokio::time::timeout(CLOSING_PATIENCE, closing).await;
    served?;
    closed.context("the databases did not answer while they were closed")
}
