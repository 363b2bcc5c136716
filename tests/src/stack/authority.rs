//! `caracal up` as a child process, and the command line that drives it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use tokio::process::Command;

use super::identity::Identities;
use super::parts::Parts;
use super::process::Process;
use super::{ports, wait};
use crate::client::{Connection, Request};

/// Longest wait for a start.
const START: Duration = Duration::from_secs(20);

/// The running authority.
#[derive(Debug)]
pub struct Authority {
    process: Process,
    arguments: Vec<String>,
    folder: PathBuf,
    /// Data folder.
    pub data: PathBuf,
    /// Port of the gRPC services (mTLS).
    pub grpc_port: u16,
    /// Port of JWKS and health.
    pub http_port: u16,
    /// Port of the management API.
    pub admin_port: u16,
}

impl Authority {
    /// Starts it on free ports and waits until it is ready.
    pub async fn start(
        parts: &Parts,
        identities: &Identities,
        folder: &Path,
        further: &[String],
    ) -> Result<Self> {
        let (grpc_port, http_port, admin_port) = (ports::free()?, ports::free()?, ports::free()?);
        let data = folder.join("data");
        let sts = identities.get("sts")?;
        let address = |port: u16| format!("127.0.0.1:{port}");
        let arguments = [
            "up",
            "--data",
            &data.display().to_string(),
            "--grpc",
            &address(grpc_port),
            "--http",
            &address(http_port),
            "--admin",
            &address(admin_port),
            "--tls-cert",
            &sts.certificate.display().to_string(),
            "--tls-key",
            &sts.key.display().to_string(),
            "--tls-ca",
            &sts.authority.display().to_string(),
        ]
        .map(str::to_owned);
        let arguments = [&arguments, further].concat();
        let process = Process::start("caracal", &parts.caracal, &arguments, folder)?;
        let folder = folder.to_owned();
        let mut authority = Self {
            process,
            arguments,
            folder,
            data,
            grpc_port,
            http_port,
            admin_port,
        };
        authority.ready().await?;
        Ok(authority)
    }

    /// Starts it again after [`Self::kill`], on the same data and ports.
    pub async fn restart(&mut self, parts: &Parts) -> Result<()> {
        self.process = Process::start("caracal", &parts.caracal, &self.arguments, &self.folder)?;
        self.ready().await
    }

    async fn ready(&mut self) -> Result<()> {
        let port = self.http_port;
        let process = &mut self.process;
        wait::until("caracal up is ready", START, async || {
            match process.check() {
                Err(error) => Some(Err(error)),
                Ok(()) => is_ready(port).await.then_some(Ok(())),
            }
        })
        .await
        .with_context(|| self.process.log_tail())?
    }

    /// Freezes it: connections stay open, nothing answers.
    pub async fn freeze(&self) -> Result<()> {
        self.process.signal("STOP").await
    }

    /// Lets it go on.
    pub async fn thaw(&self) -> Result<()> {
        self.process.signal("CONT").await
    }

    /// Kills it at once.
    pub async fn kill(&mut self) -> Result<()> {
        self.process.kill().await
    }

    /// Its process id.
    pub fn pid(&self) -> Result<u32> {
        self.process.pid()
    }

    /// URL of the management API.
    #[must_use]
    pub fn server(&self) -> String {
        format!("http://127.0.0.1:{}", self.admin_port)
    }

    /// File with the token of the management API.
    #[must_use]
    pub fn token_file(&self) -> PathBuf {
        self.data.join("admin.token")
    }

    /// Runs one `caracal` command with JSON output.
    pub async fn command(&self, parts: &Parts, arguments: &[&str]) -> Result<Value> {
        let output = Command::new(&parts.caracal)
            .args([
                "--output",
                "json",
                "--server",
                &self.server(),
                "--token-file",
            ])
            .arg(self.token_file())
            .args(arguments)
            .kill_on_drop(true)
            .output()
            .await?;
        if !output.status.success() {
            let error = String::from_utf8_lossy(&output.stderr);
            bail!("caracal {}: {}", arguments.join(" "), error.trim());
        }
        if output.stdout.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&output.stdout)
            .with_context(|| format!("caracal {} did not print JSON", arguments.join(" ")))
    }
}

async fn is_ready(port: u16) -> bool {
    let look = async {
        let mut connection = Connection::plain(port).await?;
        connection.send(&Request::get("localhost", "/readyz")).await
    };
    look.await.is_ok_and(|response| response.status == 200)
}

/// The management API.
impl Authority {
    /// One call; anything but a success is an error with the API's own text.
    pub async fn call(&self, request: Request) -> Result<Value> {
        let token = tokio::fs::read_to_string(self.token_file()).await?;
        let mut connection = Connection::plain(self.admin_port).await?;
        let response = connection.send(&request.mandate(token.trim())).await?;
        if !(200..300).contains(&response.status) {
            bail!(
                "management API: {} {}",
                response.status,
                String::from_utf8_lossy(&response.body)
            );
        }
        Ok(serde_json::from_slice(&response.body)?)
    }

    /// The zone's public keys.
    pub async fn jwks(&self, zone: &str) -> Result<Value> {
        let mut connection = Connection::plain(self.http_port).await?;
        let response = connection
            .send(&Request::get(
                "localhost",
                &format!("/zones/{zone}/jwks.json"),
            ))
            .await?;
        Ok(serde_json::from_slice(&response.body)?)
    }
}
