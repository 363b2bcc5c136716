//! `caracal policy`.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;

use super::Context;
use super::error::CliError;
use super::output::plain;

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Checks a policy and makes it the zone's policy at once.
    Apply {
        /// Rego v1 source, package caracal.policy.
        file: PathBuf,
    },
    /// Lists versions, the active one first.
    List,
}

impl PolicyCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<(), CliError> {
        match self {
            Self::Apply { file } => {
                let source = std::fs::read_to_string(&file).map_err(|error| {
                    CliError::Usage(format!("{} cannot be read: {error}", file.display()))
                })?;
                let path = context.zone_path("policies/active")?;
                let answer = context
                    .client
                    .put(&path, &json!({ "source": source }))
                    .await?;
                let digest = answer.get("digest").map(plain).unwrap_or_default();
                context
                    .output
                    .done(&answer, &format!("policy {digest} is active"))
            }
            Self::List => {
                let answer = context.client.get(&context.zone_path("policies")?).await?;
                let columns: &[super::output::Column] = &[
                    ("DIGEST", &["digest"]),
                    ("ACTIVE", &["active"]),
                    ("SEQ", &["seq"]),
                ];
                context.output.list(&answer, columns)
            }
        }
    }
}
