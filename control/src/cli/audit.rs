//! `caracal audit`.

mod check;
mod follow;
mod prove;
mod receipt;
#[cfg(test)]
mod tests;
mod trust;

use std::fmt::Write as _;

use caracal_mandate::name::Name;
use clap::{Args, Subcommand, ValueEnum};

use super::Context;
use super::copy::CopyArgs;
use super::error::CliError;
use super::export::ExportArgs;
use super::verify::VerifyArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Lists decisions, newest first.
    #[command(after_help = "\
Examples:
  caracal audit list --zone bank --outcome deny --limit 20
  caracal audit list --zone bank --request-id 5f1c...      why was this request refused?
  caracal audit list --zone bank --issued mdt_...          who was this mandate issued to, and why?")]
    List(ListArgs),
    /// Checks a ledger file or an export with nothing but the public key; needs no server.
    Verify(VerifyArgs),
    /// Writes a ledger, or a part of it, into a folder that can be verified without it.
    Export(ExportArgs),
    /// Proves to somebody else that an entry is in the log: writes a receipt.
    Prove(prove::ProveArgs),
    /// Checks a receipt with nothing but the public key; needs no server.
    Check(check::CheckArgs),
    /// Follows a published log, keeps its newest checkpoint, and alarms when it shows another history.
    Follow(follow::FollowArgs),
    /// Copies a ledger from a database server into a file, for `verify` and for safe keeping.
    Copy(CopyArgs),
}

/// What was decided.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum OutcomeFilter {
    /// Allowed.
    Allow,
    /// Refused.
    Deny,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Decisions on this request only.
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
    /// The exchange that issued this mandate.
    #[arg(long, value_name = "MANDATE")]
    issued: Option<String>,
    /// Decisions about this application only.
    #[arg(long = "app", value_name = "NAME")]
    application: Option<Name>,
    /// Decisions about this resource only, by identifier.
    #[arg(long, value_name = "URI")]
    resource: Option<String>,
    /// Allowed or refused only.
    #[arg(long, value_enum)]
    outcome: Option<OutcomeFilter>,
    /// Reasons that start so, such as `invalid_mandate`
    #[arg(long, value_name = "CODE")]
    reason: Option<String>,
    /// Only entries before this index.
    #[arg(long, value_name = "INDEX")]
    before: Option<u64>,
    /// Most entries to print.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
}

impl AuditCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<(), CliError> {
        match self {
            Self::List(args) => args.run(context).await,
            Self::Verify(args) => args.run(&context.output).await,
            Self::Export(args) => args.run(context.zone.as_ref(), &context.output).await,
            Self::Prove(args) => args.run(context).await,
            Self::Check(args) => args.run(&context.output).await,
            Self::Follow(args) => args.run(&context.output).await,
            Self::Copy(args) => args.run(&context.output).await,
        }
    }
}

impl ListArgs {
    async fn run(self, context: &Context) -> Result<(), CliError> {
        let path = format!("{}?{}", context.zone_path("audit")?, self.query());
        let answer = context.client.get(&path).await?;
        let columns: &[super::output::Column] = &[
            ("INDEX", &["index"]),
            ("TIME MS", &["event", "time_ms"]),
            ("COMPONENT", &["event", "component"]),
            ("ACTION", &["event", "action"]),
            ("OUTCOME", &["event", "outcome"]),
            ("REASON", &["event", "reason"]),
            ("STATUS", &["event", "status"]),
            ("APPLICATION", &["event", "application"]),
            ("METHOD", &["event", "method"]),
            ("HOST", &["event", "host"]),
            ("PATH", &["event", "path"]),
            ("REQUEST ID", &["event", "request_id"]),
            ("DETAIL", &["event", "detail"]),
        ];
        context.output.list(&answer, columns)
    }

    fn query(self) -> String {
        let Self {
            request_id,
            issued,
            application,
            resource,
            outcome,
            reason,
            before,
            limit,
        } = self;
        let outcome = outcome.map(|outcome| match outcome {
            OutcomeFilter::Allow => "allow".to_owned(),
            OutcomeFilter::Deny => "deny".to_owned(),
        });
        let filters = [
            ("request_id", request_id),
            ("issued", issued),
            ("application", application.map(|name| name.to_string())),
            ("resource", resource),
            ("outcome", outcome),
            ("reason", reason),
            ("before", before.map(|index| index.to_string())),
        ];
        let mut query = format!("limit={limit}");
        for (name, value) in filters {
            if let Some(value) = value {
                // Writing to a String cannot fail.
                let _infallible = write!(query, "&{name}={}", percent_encoded(&value));
            }
        }
        query
    }
}

/// RFC 3986 §2.1; everything but the unreserved characters is encoded.
pub(super) fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            let _infallible = write!(out, "%{byte:02X}");
        }
        out
    })
}
