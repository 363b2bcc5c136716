//! `caracal session`.

mod tree;

use std::collections::BTreeMap;

use caracal_mandate::name::Name;
use caracal_mandate::spiffe::SpiffeId;
use caracal_sts::{Clock as _, SystemClock};
use clap::{Args, Subcommand};
use serde_json::json;

use super::Context;
use super::audit::percent_encoded;
use super::error::CliError;
use super::output::plain;
use super::span::Seconds;

#[derive(Debug, Subcommand)]
pub(crate) enum SessionCommand {
    /// Declares a session of a workload, and prints its id.
    #[command(after_help = "\
Nobody has to: a workload that is in none gets one at its first exchange. A declared one has labels that
policies read (`input.session.labels`), ends by itself, or when its heartbeats stop:

  caracal session declare --zone bank --app payout --spiffe-id spiffe://corp.example/payout \\
      --expires-in 8h --lease 30s --label run=nightly
  caracal session heartbeat --zone bank ses_...

A workload is in one session at a time. --take-over ends the one that it is in, at every enforcement
point: an execution that was given up, and comes back, is refused.")]
    Declare(Box<DeclareArgs>),
    /// Says that a session with a lease is still at work, and prints until when it is good now.
    Heartbeat {
        /// Session.
        id: String,
    },
    /// Lists the newest sessions.
    List,
    /// Shows the newest sessions as the trees that they are: who acts on whose behalf, and what has
    /// ended or is suspended.
    #[command(after_help = "\
To end a session with everything below it: caracal revoke session/ID --wait
To stop one for a while:                   caracal suspend session/ID --wait")]
    Tree,
}

#[derive(Debug, Args)]
pub(crate) struct DeclareArgs {
    /// Application.
    #[arg(long = "app", value_name = "NAME")]
    application: Name,
    /// Workload of the application.
    #[arg(long = "spiffe-id", value_name = "ID")]
    holder: SpiffeId,
    /// Session on whose behalf it is; it ends with that one.
    #[arg(long, value_name = "ID")]
    parent: Option<String>,
    /// How long it lasts, such as 8h; without it, until it is ended.
    #[arg(long, value_name = "SPAN")]
    expires_in: Option<Seconds>,
    /// Within what time one heartbeat follows the other, 5s to 1h; without it, none is needed.
    #[arg(long, value_name = "SPAN")]
    lease: Option<Seconds>,
    /// What policies read of it, such as run=nightly.
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = label)]
    labels: Vec<(Name, String)>,
    /// End the session that the workload is in.
    #[arg(long)]
    take_over: bool,
}

/// Reads a label as people write it.
pub(crate) fn label(text: &str) -> Result<(Name, String), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or("a label is NAME=VALUE, such as run=nightly")?;
    let name = name.parse::<Name>().map_err(|error| error.to_string())?;
    Ok((name, value.to_owned()))
}

impl SessionCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<(), CliError> {
        let path = context.zone_path("sessions")?;
        match self {
            Self::Declare(args) => args.declare(context, &path).await,
            Self::Heartbeat { id } => {
                let path = format!("{path}/{}/heartbeat", percent_encoded(&id));
                let answer = context.client.post(&path, &json!({})).await?;
                let until = answer.get("until_ms").map(plain).unwrap_or_default();
                context.output.done(&answer, &until)
            }
            Self::List => {
                let columns: &[super::output::Column] = &[
                    ("ID", &["id"]),
                    ("APPLICATION", &["application"]),
                    ("HOLDER", &["holder"]),
                    ("PARENT", &["parent"]),
                    ("OPENED AT", &["opened_at"]),
                    ("STATE", &["state"]),
                    ("EXPIRES AT", &["terms", "expires_at"]),
                    ("LEASE UNTIL MS", &["lease_until_ms"]),
                    ("LABELS", &["terms", "labels"]),
                ];
                context
                    .output
                    .list(&context.client.get(&path).await?, columns)
            }
            Self::Tree => {
                let answer = context.client.get(&path).await?;
                context.output.line(tree::drawn(&answer).trim_end())
            }
        }
    }
}

impl DeclareArgs {
    async fn declare(self, context: &Context, path: &str) -> Result<(), CliError> {
        let Self {
            application,
            holder,
            parent,
            expires_in,
            lease,
            labels,
            take_over,
        } = self;
        let now = SystemClock::new().unix_ms().div_euclid(1000);
        let count = labels.len();
        let labels: BTreeMap<String, String> = labels
            .into_iter()
            .map(|(name, value)| (name.to_string(), value))
            .collect();
        if labels.len() < count {
            return Err(CliError::Usage("a label stands there twice".to_owned()));
        }
        let body = json!({
            "application": application,
            "holder": holder,
            "parent": parent,
            "expires_at": expires_in.map(|span| now.saturating_add(span.0)),
            "lease_s": lease.map(|span| span.0),
            "labels": labels,
            "take_over": take_over,
        });
        let answer = context.client.post(path, &body).await?;
        let id = answer.get("id").map(plain).unwrap_or_default();
        context.output.done(&answer, &id)
    }
}
