//! The parts as child processes: `caracal up`, Envoys, certificates.

pub mod authority;
pub mod envoy;
pub mod identity;
pub mod parts;
pub mod ports;
pub mod process;
pub(crate) mod revocations;
pub mod sidecar;
pub mod wait;
pub mod zone;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::Value;

use authority::Authority;
use envoy::{Envoy, Mode, Role};
use identity::{Identities, Identity};
use parts::Parts;

/// Zone of every test.
pub const ZONE: &str = "payments";

/// Trust domain of every certificate.
pub const TRUST_DOMAIN: &str = "caracal.dev";

/// A running authority with its certificates, in a folder of its own that goes with it.
#[derive(Debug)]
pub struct Stack {
    /// Programs that are used.
    pub parts: Parts,
    /// Certificates.
    pub identities: Identities,
    /// `caracal up`.
    pub authority: Authority,
    folder: tempfile::TempDir,
}

impl Stack {
    /// Starts the authority on files of its own and waits until it serves.
    pub async fn start() -> Result<Self> {
        Self::start_with(&[]).await
    }

    /// Starts the authority with further arguments of `caracal up`.
    pub async fn start_with(arguments: &[String]) -> Result<Self> {
        let parts = Parts::find()?;
        let folder = tempfile::Builder::new().prefix("caracal-").tempdir()?;
        let identities = Identities::make(&parts, folder.path()).await?;
        let authority = Authority::start(&parts, &identities, folder.path(), arguments).await?;
        Ok(Self {
            parts,
            identities,
            authority,
            folder,
        })
    }

    /// Folder of logs, configurations and data.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A file with content in the folder.
    pub async fn write(&self, name: &str, content: &str) -> Result<PathBuf> {
        let path = self.folder.path().join(name);
        tokio::fs::write(&path, content)
            .await
            .with_context(|| format!("writing {}", path.display()))?;
        Ok(path)
    }

    /// One `caracal` command against the running authority, with JSON output.
    pub async fn caracal(&self, arguments: &[&str]) -> Result<Value> {
        self.authority.command(&self.parts, arguments).await
    }

    /// The certificate with a short name.
    pub fn identity(&self, name: &str) -> Result<&Identity> {
        self.identities.get(name)
    }

    /// Renders a role's configuration.
    pub async fn render(
        &self,
        role: Role,
        instance: &str,
        settings: &[(&str, String)],
    ) -> Result<envoy::Rendered> {
        self.render_in(Mode::Enforce, role, instance, settings)
            .await
    }

    /// The same in a mode.
    pub async fn render_in(
        &self,
        mode: Mode,
        role: Role,
        instance: &str,
        settings: &[(&str, String)],
    ) -> Result<envoy::Rendered> {
        let identity = self.identity(role.identity())?;
        let mut all = vec![
            ("STS_PORT", self.authority.grpc_port.to_string()),
            ("STS_SPIFFE_ID", identity::spiffe_id("sts")?),
            ("TLS_CERT", identity.certificate.display().to_string()),
            ("TLS_KEY", identity.key.display().to_string()),
            ("TLS_CA", identity.authority.display().to_string()),
        ];
        if mode != Mode::Native {
            all.extend([
                ("INSTANCE", instance.to_owned()),
                ("ZONE", ZONE.to_owned()),
                ("FILTER_WASM", self.parts.filter.display().to_string()),
            ]);
        }
        // The agent's listener is plain and on loopback: it knows no peers.
        if role != Role::Agent {
            all.push(("TRUST_DOMAIN", TRUST_DOMAIN.to_owned()));
        }
        // What is said for this one replaces what is usual.
        all.retain(|(key, _)| settings.iter().all(|(said, _)| said != key));
        all.extend(settings.iter().cloned());
        let what = (role, mode);
        envoy::render(&self.parts, what, instance, &all, self.folder.path()).await
    }

    /// Renders a role's configuration and starts an Envoy on it.
    pub async fn envoy(
        &self,
        role: Role,
        instance: &str,
        settings: &[(&str, String)],
    ) -> Result<Envoy> {
        let rendered = self.render(role, instance, settings).await?;
        self.run(rendered).await
    }

    /// Starts an Envoy on a configuration.
    pub async fn run(&self, rendered: envoy::Rendered) -> Result<Envoy> {
        Envoy::start(&self.parts, rendered, 2, self.folder.path()).await
    }

    /// What a part has printed so far.
    pub async fn log(&self, name: &str) -> Result<String> {
        let path = self.folder.path().join(format!("{name}.log"));
        Ok(tokio::fs::read_to_string(path).await?)
    }
}
