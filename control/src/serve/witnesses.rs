//! Whom the ledger shows its checkpoints before it publishes them.

use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use caracal_audit::witness::WitnessClient;
use caracal_audit::witness::client::PATIENCE;
use caracal_audit::{PublishRule, TrustPolicy, Witnessing};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::settings::reader::Reader;
use crate::witness::HttpTransport;

/// The policy, and what becomes of a checkpoint that it is not met for.
#[derive(Debug)]
pub(crate) struct WitnessSettings {
    policy: PathBuf,
    rule: PublishRule,
    authorities: Option<PathBuf>,
}

impl WitnessSettings {
    /// What was asked for.
    pub(crate) fn read(read: &mut Reader) -> Option<Self> {
        let policy = read.file("witness-policy");
        if let Some(file) = &policy {
            read.exists("witness-policy", file);
        }
        let authorities = read.file("witness-ca");
        if let Some(file) = &authorities {
            read.exists("witness-ca", file);
        }
        let rule = read.one("witness-rule", str::parse::<PublishRule>);
        let asks = read.is_given("witness-policy");
        for name in ["witness-rule", "witness-ca"] {
            if read.is_given(name) && !asks {
                read.wrong(name, "is for --witness-policy, which is not given");
            }
        }
        Some(Self {
            policy: policy?,
            rule: rule.unwrap_or(PublishRule::Required),
            authorities,
        })
    }

    /// What becomes of a checkpoint that too few have cosigned.
    pub(super) const fn rule(&self) -> PublishRule {
        self.rule
    }

    /// Reads the policy and the authorities. Blocks on files.
    pub(super) fn witnessing(self) -> anyhow::Result<Witnessing> {
        let Self {
            policy,
            rule,
            authorities,
        } = self;
        let place = || format!("--witness-policy {}", policy.display());
        let text = std::fs::read(&policy).with_context(place)?;
        let policy = TrustPolicy::parse(&text).with_context(place)?;
        let authorities = match &authorities {
            None => Vec::new(),
            Some(file) => {
                let place = || format!("--witness-ca {}", file.display());
                let pem = std::fs::read(file).with_context(place)?;
                let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
                let all = all.with_context(place)?;
                ensure!(!all.is_empty(), "{} has no certificate", place());
                all
            }
        };
        let transport = HttpTransport::new(authorities)?;
        Ok(Witnessing {
            client: WitnessClient::new(policy, transport, PATIENCE),
            rule,
        })
    }
}
