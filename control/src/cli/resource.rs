//! `caracal resource`.

use std::path::PathBuf;
use std::str::FromStr;

use caracal_mandate::catalog::{Resource, ResourceUri};
use caracal_mandate::host::Host;
use caracal_mandate::name::Name;
use caracal_mandate::operation::Operation;
use caracal_mandate::scope::{Scope, ScopeSet};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Context;
use super::error::CliError;

const EXAMPLES: &str = "\
Examples:
  caracal resource create accounts --uri https://accounts.bank --host accounts.bank \\
      --operation 'read-account GET /accounts/{id} accounts:read' \\
      --operation 'pay POST /accounts/{id}/payments payments:write,accounts:read'
  caracal resource create -f accounts.json";

#[derive(Debug, Subcommand)]
pub(crate) enum ResourceCommand {
    /// Makes a resource, or replaces the one with its name.
    #[command(after_help = EXAMPLES)]
    Create(CreateArgs),
    /// Lists resources.
    List,
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// JSON file with name, uri, hosts and operations; instead of everything else.
    #[arg(long, short, value_name = "FILE", conflicts_with_all = ["name", "uri", "hosts", "application", "operations"])]
    file: Option<PathBuf>,
    /// Name: a-z, 0-9 and '-'.
    #[arg(required_unless_present = "file")]
    name: Option<Name>,
    /// Identifier: the audience of mandates. It never changes.
    #[arg(long, value_name = "URI", required_unless_present = "file")]
    uri: Option<ResourceUri>,
    /// Hosts under which it is called.
    #[arg(long = "host", num_args = 1.., value_name = "HOST", required_unless_present = "file")]
    hosts: Vec<Host>,
    /// The application that answers there, if it is an agent: whoever calls it may have it act in turn, as
    /// far as a delegation says so.
    #[arg(long, value_name = "NAME")]
    application: Option<Name>,
    /// What can be done there: 'NAME METHOD PATH SCOPE[,SCOPE...] [irreversible]'. Everything else
    /// is refused. An irreversible operation is let through only once that is in the ledger.
    #[arg(
        long = "operation",
        value_name = "OPERATION",
        required_unless_present = "file"
    )]
    operations: Vec<OperationFlag>,
}

/// An operation as one argument.
#[derive(Debug, Clone)]
struct OperationFlag(Operation);

impl FromStr for OperationFlag {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<_> = text.split_whitespace().collect();
        let (parts, irreversible) = match parts.as_slice() {
            [parts @ .., "irreversible"] => (parts, true),
            parts => (parts, false),
        };
        let [name, method, path, scopes] = parts else {
            return Err("write 'NAME METHOD PATH SCOPE[,SCOPE...] [irreversible]'".to_owned());
        };
        let scopes = scopes
            .split(',')
            .map(Scope::parse)
            .collect::<Result<Vec<_>, _>>();
        let scopes = scopes
            .and_then(ScopeSet::new)
            .map_err(|error| error.to_string())?;
        Ok(Self(Operation {
            name: name.parse().map_err(|error| format!("{error}"))?,
            method: method.parse().map_err(|error| format!("{error}"))?,
            path: path.parse().map_err(|error| format!("{error}"))?,
            scopes,
            irreversible,
        }))
    }
}

impl CreateArgs {
    fn resource(self) -> Result<Resource, CliError> {
        let usage = |text: String| CliError::Usage(text);
        if let Some(file) = self.file {
            let place = file.display().to_string();
            let text = std::fs::read_to_string(&file)
                .map_err(|error| usage(format!("{place} cannot be read: {error}")))?;
            return serde_json::from_str(&text).map_err(|error| {
                usage(format!(
                    "{place} is not a resource: {error}; see `caracal resource list -o json`"
                ))
            });
        }
        let (Some(name), Some(uri)) = (self.name, self.uri) else {
            return Err(usage("give NAME and --uri, or --file".to_owned()));
        };
        let operations = self.operations.into_iter().map(|flag| flag.0).collect();
        Ok(Resource {
            name,
            uri,
            hosts: self.hosts,
            operations,
            application: self.application,
        })
    }
}

impl ResourceCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<(), CliError> {
        let path = context.zone_path("resources")?;
        match self {
            Self::Create(args) => {
                let resource = args.resource()?;
                resource
                    .validate()
                    .map_err(|error| CliError::Usage(error.to_string()))?;
                let answer = context.client.post(&path, &json!(resource)).await?;
                context
                    .output
                    .done(&answer, &format!("resource {} is in place", resource.name))
            }
            Self::List => {
                let mut answer = context.client.get(&path).await?;
                if !context.output.is_json() {
                    shorten_operations(&mut answer);
                }
                let columns: &[super::output::Column] = &[
                    ("NAME", &["name"]),
                    ("URI", &["uri"]),
                    ("HOSTS", &["hosts"]),
                    ("OPERATIONS", &["operations"]),
                ];
                context.output.list(&answer, columns)
            }
        }
    }
}

/// A table has room for the names only.
fn shorten_operations(answer: &mut Value) {
    let items = answer.get_mut("items").and_then(Value::as_array_mut);
    for operations in items
        .into_iter()
        .flatten()
        .filter_map(|item| item.get_mut("operations"))
    {
        let list = operations.as_array().into_iter().flatten();
        let names: Vec<_> = list.filter_map(|one| one.get("name").cloned()).collect();
        *operations = Value::Array(names);
    }
}
