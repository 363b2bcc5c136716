//! `caracal zone`.

use caracal_mandate::name::Name;
use clap::Subcommand;
use serde_json::json;

use super::Context;
use super::error::CliError;

#[derive(Debug, Subcommand)]
pub(crate) enum ZoneCommand {
    /// Makes a zone and its signing key.
    Create {
        /// Name: a-z, 0-9 and '-'.
        name: Name,
        /// `iss` of its mandates: a URL.
        #[arg(long, value_name = "URL")]
        issuer: String,
    },
    /// Lists zones.
    List,
}

impl ZoneCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<(), CliError> {
        match self {
            Self::Create { name, issuer } => {
                let body = json!({ "name": name, "issuer": issuer });
                let answer = context.client.post("/v1/zones", &body).await?;
                context
                    .output
                    .done(&answer, &format!("zone {name} created"))
            }
            Self::List => {
                let answer = context.client.get("/v1/zones").await?;
                context
                    .output
                    .list(&answer, &[("NAME", &["name"]), ("ISSUER", &["issuer"])])
            }
        }
    }
}
