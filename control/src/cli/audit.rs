//! `caracal audit`.

mod check;
mod filter;
mod follow;
mod line;
mod list;
mod moment;
mod pages;
mod prove;
mod receipt;
mod tail;
#[cfg(test)]
mod tests;
mod trust;

use std::fmt::Write as _;

use clap::Subcommand;

use super::Context;
use super::copy::CopyArgs;
use super::error::CliError;
use super::export::ExportArgs;
use super::verify::VerifyArgs;
use list::ListArgs;
use tail::TailArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Searches for decisions, newest first.
    #[command(after_help = "\
Examples:
  caracal audit list --zone bank --outcome deny --limit 20
  caracal audit list --zone bank --request-id 5f1c...      why was this request refused?
  caracal audit list --zone bank --issued mdt_...          who was this mandate issued to, and why?
  caracal audit list --zone bank --session ses_... --since 2h --path /payments
  caracal audit list --zone bank --since 2026-03-01T08:00:00Z --until 2026-03-01T09:00:00Z --order oldest")]
    List(Box<ListArgs>),
    /// Prints the newest decisions, and with --follow those that come.
    #[command(after_help = "\
Examples:
  caracal audit tail --zone bank --follow
  caracal audit tail --zone bank --follow --outcome deny -n 0
  caracal audit tail --zone bank --follow --app payout --output json | jq .event.path")]
    Tail(Box<TailArgs>),
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

impl AuditCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<(), CliError> {
        match self {
            Self::List(args) => args.run(context).await,
            Self::Tail(args) => args.run(context).await,
            Self::Verify(args) => args.run(&context.output),
            Self::Export(args) => args.run(context.zone.as_ref(), &context.output).await,
            Self::Prove(args) => args.run(context).await,
            Self::Check(args) => args.run(&context.output).await,
            Self::Follow(args) => args.run(&context.output).await,
            Self::Copy(args) => args.run(&context.output).await,
        }
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
