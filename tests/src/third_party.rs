//! OAuth clients that others wrote, in tests/clients, as child processes.

pub mod key;

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use tokio::process::Command;

use crate::stack::parts::tool;
use crate::stack::zone::Grant;
use crate::stack::{Stack, ZONE, ports};
use crate::upstream::BANK;
use key::ClientKey;

/// Longest run of one client.
const PATIENCE: Duration = Duration::from_secs(90);

const APPLICATION: &str = "payout-agent";
const SCOPES: [&str; 2] = ["accounts:read", "payments:write"];

/// A zone whose issuer is where clients reach it, with an application that has a secret and a key.
#[derive(Debug)]
pub struct Provider {
    stack: Stack,
    issuer: String,
    secret: String,
    key: PathBuf,
}

impl Provider {
    /// Starts the authority and registers everything.
    pub async fn start() -> Result<Self> {
        let port = ports::free()?;
        let address = format!("127.0.0.1:{port}");
        let stack = Stack::start_with(&["--https".to_owned(), address]).await?;
        // Certificates of the tests are for this name.
        let issuer = format!("https://localhost:{port}/zones/{ZONE}");
        stack.register_as(&issuer).await?;
        stack.activate_policy().await?;
        stack
            .grant(Grant {
                application: APPLICATION,
                resource: "mercury-bank",
                scopes: &SCOPES,
                max_lifetime: None,
            })
            .await?;
        let pair = ClientKey::generate()?;
        let key = stack.write("client.key", &pair.private_pem()?).await?;
        let jwk = pair.public_jwk()?.to_string();
        let jwk = stack.write("client.json", &jwk).await?;
        credential(&stack, &["--jwks", &jwk.display().to_string()]).await?;
        let secret = credential(&stack, &["--secret"]).await?;
        let secret = secret.get("secret").and_then(Value::as_str);
        let secret = secret.context("the secret is not shown")?.to_owned();
        Ok(Self {
            stack,
            issuer,
            secret,
            key,
        })
    }

    /// Runs the client of a library; returns the steps that it says it has done. It knows nothing but
    /// its settings, so that no proxy and no other authority of this machine has a part in it.
    pub async fn run(&self, library: &str) -> Result<Vec<String>> {
        let program = tool("CARACAL_CLIENTS", "clients")?
            .join(library)
            .join("run");
        let authority = &self.stack.identity("sts")?.authority;
        let inherited = ["PATH", "HOME"].map(|name| Some((name, std::env::var_os(name)?)));
        let mut command = Command::new(&program);
        command
            .env_clear()
            .envs(inherited.into_iter().flatten())
            // Each language has a variable of its own for the authorities that it trusts.
            .env("REQUESTS_CA_BUNDLE", authority)
            .env("NODE_EXTRA_CA_CERTS", authority)
            .env("SSL_CERT_FILE", authority)
            .env("OAUTH_ISSUER", &self.issuer)
            .env("OAUTH_CLIENT_ID", APPLICATION)
            .env("OAUTH_CLIENT_SECRET", &self.secret)
            .env("OAUTH_CLIENT_KEY_FILE", &self.key)
            .env("OAUTH_RESOURCE", format!("http://{BANK}"))
            .env("OAUTH_SCOPE", SCOPES.join(" "))
            .env("OAUTH_NARROW_SCOPE", SCOPES[0])
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = tokio::time::timeout(PATIENCE, command.output()).await;
        let output = output
            .with_context(|| format!("{library} did not end within {PATIENCE:?}"))?
            .with_context(|| format!("starting {}", program.display()))?;
        let said = String::from_utf8_lossy(&output.stdout);
        ensure!(
            output.status.success(),
            "{library}: {}\n{said}{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        said.lines()
            .map(|line| match line.strip_prefix("ok ") {
                Some(step) => Ok(step.to_owned()),
                None => bail!("{library} said: {line}"),
            })
            .collect()
    }
}

async fn credential(stack: &Stack, proof: &[&str]) -> Result<Value> {
    let add = ["app", "credential", "add", APPLICATION, "--zone", ZONE];
    stack.caracal(&[&add, proof].concat()).await
}
