//! `caracal point`.

use caracal_mandate::name::Name;
use caracal_mandate::spiffe::SpiffeId;
use clap::{Subcommand, ValueEnum};
use serde_json::json;

use super::Context;
use super::error::CliError;

/// What a point may do.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Role {
    /// Guards the resources that it lists.
    Resource,
    /// Exchanges for its peers as well.
    Gateway,
}

impl Role {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Resource => "resource",
            Self::Gateway => "gateway",
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum PointCommand {
    /// Registers a proxy that enforces for others. An application's own sidecar needs none.
    Create {
        /// Name: a-z, 0-9 and '-'.
        name: Name,
        /// Identity with which it calls the token service.
        #[arg(long, value_name = "ID")]
        spiffe_id: SpiffeId,
        /// What it may do.
        #[arg(long, value_enum)]
        role: Role,
        /// Resources that it guards; a gateway without any guards all.
        #[arg(long = "resource", num_args = 1.., value_name = "NAME")]
        resources: Vec<Name>,
    },
    /// Lists enforcement points that are registered; `caracal status` shows the connected ones.
    List,
}

impl PointCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<(), CliError> {
        let path = context.zone_path("points")?;
        match self {
            Self::Create {
                name,
                spiffe_id,
                role,
                resources,
            } => {
                let body = json!({
                    "name": name,
                    "spiffe_id": spiffe_id,
                    "role": role.as_str(),
                    "resources": resources,
                });
                let answer = context.client.post(&path, &body).await?;
                context
                    .output
                    .done(&answer, &format!("enforcement point {name} created"))
            }
            Self::List => {
                let answer = context.client.get(&path).await?;
                let columns: &[super::output::Column] = &[
                    ("NAME", &["name"]),
                    ("ROLE", &["role"]),
                    ("SPIFFE ID", &["spiffe_id"]),
                    ("RESOURCES", &["resources"]),
                ];
                context.output.list(&answer, columns)
            }
        }
    }
}
