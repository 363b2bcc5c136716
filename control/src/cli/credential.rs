//! `caracal app credential`.

use std::path::PathBuf;

use caracal_mandate::name::Name;
use caracal_mandate::spiffe::SpiffeId;
use caracal_store::model::{AccountName, IssuerUrl, KeysUrl};
use caracal_sts::{Clock as _, SystemClock};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Context;
use super::error::CliError;
use super::file::read_json;
use super::output::plain;
use super::span::Seconds;

const EXAMPLES: &str = "\
Examples:
  caracal app credential add payout --zone bank --secret --expires-in 90d
  caracal app credential add payout --zone bank --jwks payout-public.json
  caracal app credential add payout --zone bank --jwks-uri https://payout.example/keys
  caracal app credential add payout --zone bank --spiffe-id spiffe://caracal.dev/ns/agents/sa/two
  caracal app credential add payout --zone bank --kubernetes-issuer https://kubernetes.default.svc \\
      --namespace agents --service-account payout";

#[derive(Debug, Subcommand)]
pub(crate) enum CredentialCommand {
    /// Adds a credential. A secret is generated, printed now and never again.
    #[command(after_help = EXAMPLES)]
    Add(AddArgs),
    /// Lists an application's credentials.
    List {
        /// Application.
        application: Name,
    },
    /// Revokes a credential. Mandates that it obtained live on; `caracal revoke` ends those.
    Revoke {
        /// Application.
        application: Name,
        /// The credential's id.
        id: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// Application; its name is the `client_id`.
    application: Name,
    #[command(flatten)]
    proof: ProofArgs,
    /// Namespace of the service account.
    #[arg(long, value_name = "NAME", requires = "kubernetes_issuer")]
    namespace: Option<Name>,
    /// Name of the service account.
    #[arg(long, value_name = "NAME", requires = "kubernetes_issuer")]
    service_account: Option<AccountName>,
    /// How long the credential is good, such as 90d; without it, until it is revoked.
    #[arg(long, value_name = "SPAN")]
    expires_in: Option<Seconds>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct ProofArgs {
    /// A client secret of 256 random bits.
    #[arg(long)]
    secret: bool,
    /// JSON file with the public JWK or JWK set that it signs assertions with.
    #[arg(long, value_name = "FILE")]
    jwks: Option<PathBuf>,
    /// Where it publishes them: an https URL, which the token service reads.
    #[arg(long, value_name = "URL")]
    jwks_uri: Option<KeysUrl>,
    /// One more workload identity.
    #[arg(long, value_name = "ID")]
    spiffe_id: Option<SpiffeId>,
    /// A Kubernetes service account, by its cluster's issuer; `caracal issuer create` comes first.
    #[arg(long, value_name = "URL", requires_all = ["namespace", "service_account"])]
    kubernetes_issuer: Option<IssuerUrl>,
}

impl AddArgs {
    fn body(&self) -> Result<Value, CliError> {
        let ProofArgs {
            secret: _,
            jwks,
            jwks_uri,
            spiffe_id,
            kubernetes_issuer,
        } = &self.proof;
        let proof = if let Some(file) = jwks {
            json!({ "kind": "public_key", "jwks": read_json(file)? })
        } else if let Some(jwks_uri) = jwks_uri {
            json!({ "kind": "jwks_uri", "jwks_uri": jwks_uri })
        } else if let Some(spiffe_id) = spiffe_id {
            json!({ "kind": "spiffe", "spiffe_id": spiffe_id })
        } else if let Some(issuer) = kubernetes_issuer {
            json!({
                "kind": "kubernetes",
                "issuer": issuer,
                "namespace": self.namespace,
                "service_account": self.service_account,
            })
        } else {
            json!({ "kind": "secret" })
        };
        let now = SystemClock::new().unix_ms().div_euclid(1000);
        let expires_at = self.expires_in.map(|span| now.saturating_add(span.0));
        Ok(json!({ "proof": proof, "expires_at": expires_at }))
    }
}

impl CredentialCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<(), CliError> {
        let path = |application: &Name| {
            context.zone_path(&format!("applications/{application}/credentials"))
        };
        match self {
            Self::Add(args) => {
                let path = path(&args.application)?;
                let answer = context.client.post(&path, &args.body()?).await?;
                let id = answer.get("id").map(plain).unwrap_or_default();
                context
                    .output
                    .done(&answer, &format!("{id}{}", secret(&answer)))
            }
            Self::List { application } => {
                let answer = context.client.get(&path(&application)?).await?;
                let columns: &[super::output::Column] = &[
                    ("ID", &["id"]),
                    ("KIND", &["proof", "kind"]),
                    ("CREATED AT", &["created_at"]),
                    ("EXPIRES AT", &["expires_at"]),
                    ("REVOKED", &["revoked"]),
                ];
                context.output.list(&answer, columns)
            }
            Self::Revoke { application, id } => {
                let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
                if id.is_empty() || !id.bytes().all(known) {
                    return Err(CliError::Usage(format!("{id:?} is no credential's id")));
                }
                let path = format!("{}/{id}", path(&application)?);
                let answer = context.client.delete(&path).await?;
                let done = format!("credential {id} of application {application} is revoked");
                context.output.done(&answer, &done)
            }
        }
    }
}

/// The line of a secret: itself, or that a repeated request cannot show it.
fn secret(answer: &Value) -> String {
    let is_secret = answer.pointer("/proof/kind").and_then(Value::as_str) == Some("secret");
    match answer.get("secret") {
        Some(secret) => format!("\n{}", plain(secret)),
        None if is_secret => "\nits secret was shown to the first request; if that was lost, \
            revoke the credential and add another"
            .to_owned(),
        None => String::new(),
    }
}
