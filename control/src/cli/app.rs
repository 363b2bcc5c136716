//! `caracal app`.

use caracal_mandate::name::Name;
use caracal_mandate::spiffe::SpiffeId;
use clap::Subcommand;
use serde_json::json;

use super::Context;
use super::credential::CredentialCommand;
use super::error::CliError;

#[derive(Debug, Subcommand)]
pub(crate) enum AppCommand {
    /// Makes an application.
    Create {
        /// Name: a-z, 0-9 and '-'.
        name: Name,
        /// Identities of its workloads; each belongs to one application only. Without any, give it
        /// a credential.
        #[arg(long = "spiffe-id", num_args = 1.., value_name = "ID")]
        spiffe_ids: Vec<SpiffeId>,
    },
    /// Lists applications.
    List,
    /// Credentials: further means by which an application proves who it is.
    #[command(subcommand)]
    Credential(CredentialCommand),
}

impl AppCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<(), CliError> {
        let path = context.zone_path("applications")?;
        match self {
            Self::Create { name, spiffe_ids } => {
                let body = json!({ "name": name, "spiffe_ids": spiffe_ids });
                let answer = context.client.post(&path, &body).await?;
                context
                    .output
                    .done(&answer, &format!("application {name} created"))
            }
            Self::Credential(command) => command.run(context).await,
            Self::List => {
                let answer = context.client.get(&path).await?;
                let columns: &[super::output::Column] = &[
                    ("NAME", &["name"]),
                    ("REVOKED", &["revoked"]),
                    ("SPIFFE IDS", &["spiffe_ids"]),
                ];
                context.output.list(&answer, columns)
            }
        }
    }
}
