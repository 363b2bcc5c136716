//! Workload certificates.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use tokio::process::Command;

use super::TRUST_DOMAIN;
use super::parts::Parts;

/// Short names and SPIFFE paths of everybody in the tests.
const WORKLOADS: [(&str, &str); 13] = [
    ("sts", "/ns/caracal/sa/sts"),
    ("payout", "/ns/agents/sa/payout"),
    ("research", "/ns/agents/sa/research"),
    ("stranger", "/ns/elsewhere/sa/stranger"),
    ("bank-proxy", "/ns/bank/sa/proxy"),
    ("gateway", "/ns/egress/sa/gateway"),
    ("orchestrator", "/ns/agents/sa/orchestrator"),
    ("payroll", "/ns/agents/sa/payroll"),
    ("invoicer", "/ns/agents/sa/invoicer"),
    ("payer", "/ns/agents/sa/payer"),
    ("auditor", "/ns/agents/sa/auditor"),
    ("exchanger", "/ns/agents/sa/exchanger"),
    ("booker", "/ns/agents/sa/booker"),
];

/// The SPIFFE ID of a short name.
pub fn spiffe_id(name: &str) -> Result<String> {
    let (_, path) = WORKLOADS
        .iter()
        .find(|(known, _)| *known == name)
        .with_context(|| format!("no workload {name} in the tests"))?;
    Ok(format!("spiffe://{TRUST_DOMAIN}{path}"))
}

/// The files of one identity.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Certificate chain, PEM.
    pub certificate: PathBuf,
    /// Private key, PEM.
    pub key: PathBuf,
    /// CA, PEM.
    pub authority: PathBuf,
}

/// Every identity, made by `caracal dev-ca`.
#[derive(Debug)]
pub struct Identities(BTreeMap<&'static str, Identity>);

impl Identities {
    /// Makes a CA and one certificate for each workload.
    pub async fn make(parts: &Parts, folder: &Path) -> Result<Self> {
        let out = folder.join("pki");
        let names = WORKLOADS
            .iter()
            .map(|(name, path)| format!("{name}={path}"));
        let output = Command::new(&parts.caracal)
            .args(["dev-ca", "--trust-domain", TRUST_DOMAIN, "--out"])
            .arg(&out)
            .args(names)
            .output()
            .await?;
        if !output.status.success() {
            bail!(
                "caracal dev-ca: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        let identity = |name: &str| Identity {
            certificate: out.join(format!("{name}.pem")),
            key: out.join(format!("{name}.key")),
            authority: out.join("ca.pem"),
        };
        Ok(Self(
            WORKLOADS
                .iter()
                .map(|(name, _)| (*name, identity(name)))
                .collect(),
        ))
    }

    /// The identity with a short name.
    pub fn get(&self, name: &str) -> Result<&Identity> {
        self.0
            .get(name)
            .with_context(|| format!("no certificate for {name}"))
    }
}
