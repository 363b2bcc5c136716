//! Envoys on rendered configurations.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::process::Command;

use super::parts::Parts;
use super::process::Process;
use super::{ports, wait};
use crate::client::{Connection, Request};

/// Longest wait for a start; compiling the filter takes most of it.
const START: Duration = Duration::from_mins(1);

/// Which of the three configurations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Beside the agent.
    Agent,
    /// Beside the resource.
    Resource,
    /// Egress gateway.
    Gateway,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::Agent, Self::Resource, Self::Gateway];

    /// The role's name in `caracal envoy render`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Resource => "resource",
            Self::Gateway => "gateway",
        }
    }

    /// Whose certificate its Envoy has. The agent's sidecar has the workload's own.
    #[must_use]
    pub const fn identity(self) -> &'static str {
        match self {
            Self::Agent => "payout",
            Self::Resource => "bank-proxy",
            Self::Gateway => "gateway",
        }
    }
}

/// Who decides at an Envoy, and whether it carries that out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The filter, and it does.
    Enforce,
    /// The filter, and everything passes.
    Shadow,
    /// The token service, asked by Envoy's own `ext_authz`, and it does.
    Native,
}

/// A configuration, written to a file.
#[derive(Debug, Clone)]
pub struct Rendered {
    /// Name of the instance.
    pub instance: String,
    /// Port of the listener.
    pub port: u16,
    /// Port of Envoy's admin interface.
    pub admin_port: u16,
    /// The file.
    pub path: PathBuf,
}

impl Rendered {
    /// Another version of the file.
    pub async fn edited(&self, edit: impl FnOnce(&str) -> Result<String>) -> Result<Self> {
        let text = tokio::fs::read_to_string(&self.path).await?;
        let path = self.path.with_extension("edited.yaml");
        tokio::fs::write(&path, edit(&text)?).await?;
        Ok(Self {
            path,
            ..self.clone()
        })
    }
}

/// Renders a role's configuration on free ports.
pub async fn render(
    parts: &Parts,
    (role, mode): (Role, Mode),
    instance: &str,
    settings: &[(&str, String)],
    folder: &Path,
) -> Result<Rendered> {
    let mut arguments = vec![role.as_str().to_owned()];
    arguments.extend(match mode {
        Mode::Enforce => None,
        Mode::Shadow => Some("--shadow".to_owned()),
        Mode::Native => Some("--native".to_owned()),
    });
    render_by(parts, &arguments, instance, settings, folder).await
}

/// Renders what `caracal envoy render` makes of these arguments, on free ports.
pub(super) async fn render_by(
    parts: &Parts,
    arguments: &[String],
    instance: &str,
    settings: &[(&str, String)],
    folder: &Path,
) -> Result<Rendered> {
    let (port, admin_port) = (ports::free()?, ports::free()?);
    let mut command = Command::new(&parts.caracal);
    command.args(["envoy", "render"]).args(arguments);
    for (key, value) in settings {
        command.arg("--set").arg(format!("{key}={value}"));
    }
    command.arg("--set").arg(format!("LISTEN_PORT={port}"));
    command.arg("--set").arg(format!("ADMIN_PORT={admin_port}"));
    let output = command.output().await?;
    if !output.status.success() {
        bail!(
            "caracal envoy render {}: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let path = folder.join(format!("{instance}.yaml"));
    tokio::fs::write(&path, &output.stdout).await?;
    Ok(Rendered {
        instance: instance.to_owned(),
        port,
        admin_port,
        path,
    })
}

/// Takes the Wasm filter out of a configuration and leaves everything else.
pub fn without_filter(configuration: &str) -> Result<String> {
    let lines: Vec<_> = configuration.lines().collect();
    let start = lines
        .iter()
        .position(|line| line.trim() == "- name: caracal")
        .context("the configuration has no filter named caracal")?;
    let (before, rest) = lines.split_at(start);
    let indent = |line: &str| line.len() - line.trim_start().len();
    let depth = rest.first().map_or(0, |line| indent(line));
    let after = rest
        .iter()
        .enumerate()
        .skip(1)
        .find(|(_, line)| line.trim_start().starts_with("- ") && indent(line) == depth)
        .map(|(at, _)| at)
        .context("nothing follows the filter")?;
    let kept: Vec<_> = before
        .iter()
        .chain(rest.iter().skip(after))
        .copied()
        .collect();
    Ok(kept.join("\n") + "\n")
}

/// What `envoy --mode validate` says about a file: nothing, or its output.
pub async fn validate(parts: &Parts, path: &Path) -> Result<Option<String>> {
    let output = Command::new(&parts.envoy)
        .args([
            "--mode",
            "validate",
            "--disable-hot-restart",
            "-l",
            "warning",
            "-c",
        ])
        .arg(path)
        .output()
        .await?;
    Ok((!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).into_owned()))
}

/// A running Envoy.
#[derive(Debug)]
pub struct Envoy {
    process: Process,
    /// What it runs on.
    pub configuration: Rendered,
}

impl Envoy {
    /// Starts an Envoy and waits until it serves.
    pub async fn start(
        parts: &Parts,
        configuration: Rendered,
        workers: u32,
        folder: &Path,
    ) -> Result<Self> {
        Self::start_as(&parts.envoy, &[], configuration, workers, folder).await
    }

    /// The same by a program and arguments that come before Envoy's.
    pub async fn start_as(
        program: &Path,
        before: &[String],
        configuration: Rendered,
        workers: u32,
        folder: &Path,
    ) -> Result<Self> {
        let arguments = [
            "--disable-hot-restart".to_owned(),
            "--concurrency".to_owned(),
            workers.to_string(),
            "-l".to_owned(),
            "warning".to_owned(),
            "-c".to_owned(),
            configuration.path.display().to_string(),
        ];
        let arguments = before.iter().chain(&arguments);
        let mut process = Process::start(&configuration.instance, program, arguments, folder)?;
        let port = configuration.admin_port;
        let watched = &mut process;
        let started = wait::until("Envoy serves", START, async || match watched.check() {
            Err(error) => Some(Err(error)),
            Ok(()) => is_ready(port).await.then_some(Ok(())),
        })
        .await;
        started.with_context(|| process.log_tail())??;
        Ok(Self {
            process,
            configuration,
        })
    }

    /// Port of its listener.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.configuration.port
    }

    /// What its admin interface answers, such as `/stats`.
    pub async fn admin(&self, path: &str) -> Result<String> {
        let mut connection = Connection::plain(self.configuration.admin_port).await?;
        let response = connection.send(&Request::get("localhost", path)).await?;
        Ok(String::from_utf8(response.body)?)
    }

    /// Its process id.
    pub fn pid(&self) -> Result<u32> {
        self.process.pid()
    }

    /// Kills it.
    pub async fn kill(&mut self) -> Result<()> {
        self.process.kill().await
    }
}

async fn is_ready(port: u16) -> bool {
    let look = async {
        let mut connection = Connection::plain(port).await?;
        connection.send(&Request::get("localhost", "/ready")).await
    };
    look.await.is_ok_and(|response| response.status == 200)
}
