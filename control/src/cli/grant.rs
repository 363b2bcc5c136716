//! `caracal grant`.

use caracal_mandate::name::Name;
use caracal_mandate::scope::{Scope, ScopeSet};
use caracal_store::model::{GrantConditions, OnBehalfOf, WeeklyWindow};
use caracal_sts::{Clock as _, SystemClock};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Context;
use super::error::CliError;
use super::output::plain;
use super::span::Seconds;

#[derive(Debug, Subcommand)]
pub(crate) enum GrantCommand {
    /// Makes a grant and prints its id.
    #[command(after_help = "\
Example:
  caracal grant create --zone bank --app payout --resource accounts --scope accounts:read \\
      --expires-in 1h --max-lifetime 60s
  caracal grant create --zone bank --app payout --resource accounts --scope payments:write \
      --window 'mon-fri 08:00-18:00' --on-behalf-of staff --acr urn:mfa --max-age 5m")]
    Create(Box<CreateArgs>),
    /// Lists grants.
    List,
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// Application that may ask.
    #[arg(long = "app", value_name = "NAME")]
    application: Name,
    /// Resource that it may ask for.
    #[arg(long, value_name = "NAME")]
    resource: Name,
    /// Scopes, at most.
    #[arg(long = "scope", required = true, num_args = 1.., value_name = "SCOPE", value_parser = Scope::parse)]
    scopes: Vec<Scope>,
    /// How long the grant is good, such as 1h or 30d; without it, until it is revoked.
    #[arg(long, value_name = "SPAN")]
    expires_in: Option<Seconds>,
    /// Longest life of its mandates, at most 15m.
    #[arg(long, value_name = "SPAN")]
    max_lifetime: Option<Seconds>,
    #[command(flatten)]
    conditions: ConditionArgs,
}

/// What has to hold besides. What is not given asks for nothing.
#[derive(Debug, Args)]
struct ConditionArgs {
    /// How long until the grant is good, such as 1h or 7d.
    #[arg(long, value_name = "SPAN")]
    starts_in: Option<Seconds>,
    /// Times of the week in UTC in which it is good, such as 'mon-fri 08:00-18:00'.
    #[arg(long, value_name = "WINDOW")]
    window: Option<WeeklyWindow>,
    /// Trusted issuers, on behalf of whose users it is good, and for nothing else.
    #[arg(long, num_args = 1.., value_name = "ISSUER")]
    on_behalf_of: Vec<Name>,
    /// Classes of authentication (`acr`), one of which the user's has to be.
    #[arg(long = "acr", num_args = 1.., value_name = "CLASS", requires = "on_behalf_of")]
    acr_values: Vec<String>,
    /// How long ago the user authenticated, at most.
    #[arg(long, value_name = "SPAN", requires = "on_behalf_of")]
    max_age: Option<Seconds>,
}

impl ConditionArgs {
    fn conditions(self, now: u64) -> Result<GrantConditions, CliError> {
        let Self {
            starts_in,
            window,
            on_behalf_of,
            acr_values,
            max_age,
        } = self;
        let human = (!on_behalf_of.is_empty())
            .then(|| OnBehalfOf::new(on_behalf_of, acr_values, max_age.map(|span| span.0)));
        let human = human.transpose();
        Ok(GrantConditions {
            not_before: starts_in.map(|span| now.saturating_add(span.0)),
            window,
            on_behalf_of: human.map_err(|error| CliError::Usage(error.to_string()))?,
        })
    }
}

impl GrantCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<(), CliError> {
        let path = context.zone_path("grants")?;
        match self {
            Self::Create(args) => {
                let CreateArgs {
                    application,
                    resource,
                    scopes,
                    expires_in,
                    max_lifetime,
                    conditions,
                } = *args;
                let scopes =
                    ScopeSet::new(scopes).map_err(|error| CliError::Usage(error.to_string()))?;
                let now = SystemClock::new().unix_ms().div_euclid(1000);
                let body = json!({
                    "application": application,
                    "resource": resource,
                    "scopes": scopes,
                    "expires_at": expires_in.map(|span| now.saturating_add(span.0)),
                    "max_lifetime": max_lifetime.map(|span| span.0),
                    "conditions": conditions.conditions(now)?,
                });
                let answer = context.client.post(&path, &body).await?;
                let id = answer.get("id").map(plain).unwrap_or_default();
                context.output.done(&answer, &id)
            }
            Self::List => {
                let answer: Value = context.client.get(&path).await?;
                let columns: &[super::output::Column] = &[
                    ("ID", &["id"]),
                    ("APPLICATION", &["application"]),
                    ("RESOURCE", &["resource"]),
                    ("SCOPES", &["scopes"]),
                    ("EXPIRES AT", &["expires_at"]),
                    ("MAX LIFETIME", &["max_lifetime"]),
                    ("CONDITIONS", &["conditions"]),
                    ("REVOKED", &["revoked"]),
                ];
                context.output.list(&answer, columns)
            }
        }
    }
}
