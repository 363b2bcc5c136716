//! `caracal dev-ca`.

use std::path::PathBuf;

use caracal_sts::{Clock as _, SystemClock};
use clap::Args;

use super::error::CliError;
use super::output::Output;
use crate::dev_ca::{self, Identity, TrustDomain};

/// Makes a certificate authority and workload certificates, FOR DEVELOPMENT ONLY: the CA's key lies
/// beside the certificates. In production SPIRE or the mesh issues them.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  caracal dev-ca --out caracal-data/tls sts=caracal/sts agent=ns/agents/sa/payout

writes ca.pem, ca.key, and for each name NAME.pem and NAME.key. An existing CA is used again.")]
pub(crate) struct DevCaArgs {
    /// Directory for the files; it is made if need be.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Trust domain of the SPIFFE IDs.
    #[arg(long, default_value = "caracal.dev", value_name = "DOMAIN")]
    trust_domain: TrustDomain,
    /// How long the certificates are good.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=365))]
    days: u32,
    /// One identity each: file name and path of the SPIFFE ID.
    #[arg(required = true, value_name = "NAME=PATH")]
    identities: Vec<Identity>,
}

impl DevCaArgs {
    pub(crate) fn run(self, output: &Output) -> Result<(), CliError> {
        let Self {
            out,
            trust_domain,
            days,
            identities,
        } = self;
        let now_s = SystemClock::new().unix_ms().div_euclid(1000);
        let issued = dev_ca::issue(&out, &trust_domain, &identities, days, now_s)
            .map_err(|error| CliError::Failure(format!("{}: {error}", out.display())))?;
        if output.is_json() {
            return output.json(&serde_json::json!({ "items": issued }));
        }
        for one in issued {
            output.line(&format!("{}  {}", one.certificate.display(), one.spiffe_id))?;
        }
        output.line(&format!(
            "{}  for development only",
            out.join("ca.pem").display()
        ))
    }
}
