//! `caracal delegation`.

mod graph;
mod sign;

use std::path::PathBuf;

use caracal_mandate::name::Name;
use caracal_mandate::scope::{Scope, ScopeSet};
use caracal_store::model::Delegation;
use caracal_sts::{Clock as _, SystemClock};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Context;
use super::error::CliError;
use super::file::read_json;
use super::output::plain;
use super::span::Seconds;
use graph::{Drawing, Graph};
use sign::{SignArgs, public_half};

#[derive(Debug, Subcommand)]
pub(crate) enum DelegationCommand {
    /// Lets an application have another one act for it, and prints the delegation's id.
    #[command(after_help = "\
Whenever orchestrator calls the resource that payer answers at (`caracal resource create --application
payer`), payer may make payments for it, as far as orchestrator may itself and only then:

  caracal delegation create --zone bank --from orchestrator --to payer --resource mercury-bank \\
      --scope payments:write --max-depth 1

For one execution only, and gone with it:

  caracal delegation create --zone bank --from orchestrator --from-session ses_... --to payer \
      --resource mercury-bank --scope payments:write --expires-in 1h")]
    Create(Box<CreateArgs>),
    /// Signs a delegation with the key of the owner of --from, and prints it. Needs no server: the key
    /// stays where its owner is.
    #[command(after_help = "\
Points that are told the public half of the key (`delegators` in their configuration) take what was passed
on by orchestrator with such a signature and not otherwise, whatever the database says:

  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out orchestrator-owner.pem
  caracal delegation key orchestrator-owner.pem
  caracal delegation sign --zone bank --key orchestrator-owner.pem --from orchestrator --to payer \
      --resource mercury-bank --uri https://mercury-bank.internal --scope payments:write \\
      --expires-in 30d > signed.json
  caracal delegation register --zone bank signed.json")]
    Sign(Box<SignArgs>),
    /// Registers a delegation that is signed, and prints its id.
    Register {
        /// What `sign` printed.
        file: PathBuf,
    },
    /// Prints the public half of an owner's key, for the configuration of points.
    Key {
        /// Private key, P-256 in PKCS#8 PEM.
        file: PathBuf,
    },
    /// Lists delegations.
    List,
    /// Draws who may have whom act.
    #[command(after_help = "\
Example:
  caracal delegation graph --zone bank --format svg > delegations.svg

The picture needs nothing beside it, and shows what was revoked too; text and dot leave that out.")]
    Graph {
        /// For a terminal, for `dot`, or a picture for a browser.
        #[arg(long, value_enum, default_value_t = Drawing::Text)]
        format: Drawing,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    #[command(flatten)]
    terms: Terms,
    /// The one session of --from that passes on; without it, any.
    #[arg(long, value_name = "ID")]
    from_session: Option<String>,
    /// The one session of --to that acts; without it, any.
    #[arg(long, value_name = "ID")]
    to_session: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Terms {
    /// Application that passes on.
    #[arg(long, value_name = "NAME")]
    from: Name,
    /// Application that acts.
    #[arg(long, value_name = "NAME")]
    to: Name,
    /// Resource at which it acts.
    #[arg(long, value_name = "NAME")]
    resource: Name,
    /// Scopes, at most.
    #[arg(long = "scope", required = true, num_args = 1.., value_name = "SCOPE", value_parser = Scope::parse)]
    scopes: Vec<Scope>,
    /// How long the delegation is good, such as 1h or 30d; without it, until it is revoked.
    #[arg(long, value_name = "SPAN")]
    expires_in: Option<Seconds>,
    /// Longest life of mandates by it, at most 15m.
    #[arg(long, value_name = "SPAN")]
    max_lifetime: Option<Seconds>,
    /// How often it may be passed on further, by delegations of its own.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    max_depth: u8,
}

impl DelegationCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<(), CliError> {
        // The one that is about no zone.
        if let Self::Key { file } = &self {
            return context.output.line(&public_half(file)?);
        }
        let path = context.zone_path("delegations")?;
        let now = SystemClock::new().unix_ms().div_euclid(1000);
        match self {
            Self::Create(args) => {
                let CreateArgs {
                    terms,
                    from_session,
                    to_session,
                } = *args;
                let mut body = json!(Delegation {
                    from_session,
                    to_session,
                    ..terms.delegation(String::new(), now)?
                });
                // The server gives it.
                body.as_object_mut().map(|body| body.remove("id"));
                made(context, &path, &body).await
            }
            Self::Sign(args) => {
                let signed = args.sign(context.zone()?, now)?;
                context.output.json(&json!(signed))
            }
            Self::Register { file } => made(context, &path, &read_json(&file)?).await,
            Self::Key { .. } => Ok(()),
            Self::List => {
                let answer = context.client.get(&path).await?;
                let columns: &[super::output::Column] = &[
                    ("ID", &["id"]),
                    ("FROM", &["from"]),
                    ("TO", &["to"]),
                    ("RESOURCE", &["resource"]),
                    ("SCOPES", &["scopes"]),
                    ("EXPIRES AT", &["expires_at"]),
                    ("MAX LIFETIME", &["max_lifetime"]),
                    ("MAX DEPTH", &["max_depth"]),
                    ("FROM SESSION", &["from_session"]),
                    ("TO SESSION", &["to_session"]),
                    ("REVOKED", &["revoked"]),
                    ("SIGNATURE", &["signature"]),
                ];
                context.output.list(&answer, columns)
            }
            Self::Graph { format } => {
                let answer = context.client.get(&path).await?;
                let suspended = context.zone_path("suspensions")?;
                let suspended = context.client.get(&suspended).await?;
                let applications = context.zone_path("applications")?;
                let applications = context.client.get(&applications).await?;
                let graph = Graph::read(&answer, &suspended, &applications);
                context.output.line(graph.drawn(format).trim_end())
            }
        }
    }
}

impl Terms {
    /// The delegation that is meant, unsigned.
    fn delegation(self, id: String, now: u64) -> Result<Delegation, CliError> {
        let Self {
            from,
            to,
            resource,
            scopes,
            expires_in,
            max_lifetime,
            max_depth,
        } = self;
        Ok(Delegation {
            id,
            from,
            to,
            resource,
            scopes: ScopeSet::new(scopes).map_err(|error| CliError::Usage(error.to_string()))?,
            expires_at: expires_in.map(|span| now.saturating_add(span.0)),
            max_lifetime: max_lifetime.map(|span| span.0),
            max_depth,
            from_session: None,
            to_session: None,
            signature: None,
        })
    }
}

/// Has the server make a delegation, and prints its id.
async fn made(context: &Context, path: &str, body: &Value) -> Result<(), CliError> {
    let answer = context.client.post(path, body).await?;
    let id = answer.get("id").map(plain).unwrap_or_default();
    context.output.done(&answer, &id)
}
