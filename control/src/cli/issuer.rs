//! `caracal issuer`.

use std::path::PathBuf;

use caracal_mandate::name::Name;
use caracal_store::model::{IssuerUrl, KeysUrl};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::Context;
use super::error::CliError;
use super::file::read_json;
use super::span::Seconds;

const EXAMPLES: &str = "\
Examples:
  caracal issuer create staff --zone bank --issuer https://idp.example --purpose human \\
      --audience caracal --jwks-uri https://idp.example/keys
  caracal issuer create cluster --zone bank --issuer https://kubernetes.default.svc \\
      --purpose kubernetes --audience https://sts.example/zones/bank --jwks cluster-keys.json";

/// What an issuer's tokens are taken for.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Purpose {
    /// `id_tokens` of humans.
    Human,
    /// Service accounts of a Kubernetes cluster.
    Kubernetes,
}

impl Purpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Kubernetes => "kubernetes",
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum IssuerCommand {
    /// Trusts an issuer's tokens for one purpose.
    #[command(after_help = EXAMPLES)]
    Create(CreateArgs),
    /// Lists trusted issuers.
    List,
    /// Trusts an issuer no more.
    Remove {
        /// Name.
        name: Name,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// Name: a-z, 0-9 and '-'.
    name: Name,
    /// `iss` of its tokens, exactly.
    #[arg(long, value_name = "URL")]
    issuer: IssuerUrl,
    /// What its tokens are taken for.
    #[arg(long, value_enum)]
    purpose: Purpose,
    /// Audiences, one of which its tokens have to name.
    #[arg(long = "audience", required = true, num_args = 1.., value_name = "AUDIENCE")]
    audiences: Vec<String>,
    /// JSON file with its public keys.
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "jwks_uri",
        conflicts_with = "jwks_uri"
    )]
    jwks: Option<PathBuf>,
    /// Where it publishes them: an https URL, which the token service reads.
    #[arg(long, value_name = "URL")]
    jwks_uri: Option<KeysUrl>,
    /// Claim that names the human [default: sub].
    #[arg(long, value_name = "CLAIM")]
    subject_claim: Option<String>,
    /// How old a token may be [default: 1h].
    #[arg(long, value_name = "SPAN")]
    max_token_age: Option<Seconds>,
}

impl IssuerCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<(), CliError> {
        let path = context.zone_path("issuers")?;
        match self {
            Self::Create(args) => {
                let CreateArgs {
                    name,
                    issuer,
                    purpose,
                    audiences,
                    jwks,
                    jwks_uri,
                    subject_claim,
                    max_token_age,
                } = args;
                let jwks = jwks.as_deref().map(read_json).transpose()?;
                let body = json!({
                    "name": name,
                    "issuer": issuer,
                    "purpose": purpose.as_str(),
                    "audiences": audiences,
                    "jwks": jwks,
                    "jwks_uri": jwks_uri,
                    "subject_claim": subject_claim,
                    "max_token_age": max_token_age.map(|span| span.0),
                });
                let answer = context.client.post(&path, &body).await?;
                let done = format!("issuer {name} is trusted");
                context.output.done(&answer, &done)
            }
            Self::List => {
                let answer = context.client.get(&path).await?;
                let columns: &[super::output::Column] = &[
                    ("NAME", &["name"]),
                    ("PURPOSE", &["purpose"]),
                    ("ISSUER", &["issuer"]),
                    ("AUDIENCES", &["audiences"]),
                    ("SUBJECT", &["subject_claim"]),
                    ("MAX AGE", &["max_token_age"]),
                ];
                context.output.list(&answer, columns)
            }
            Self::Remove { name } => {
                let answer = context.client.delete(&format!("{path}/{name}")).await?;
                let done = format!("issuer {name} is trusted no more");
                context.output.done(&answer, &done)
            }
        }
    }
}
