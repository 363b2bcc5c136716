//! `caracal session`.

mod tree;

use clap::Subcommand;

use super::Context;
use super::error::CliError;

#[derive(Debug, Subcommand)]
pub(crate) enum SessionCommand {
    /// Lists the newest sessions.
    List,
    /// Shows the newest sessions as the trees that they are: who acts on whose behalf, and what has
    /// ended or is suspended.
    #[command(after_help = "\
To end a session with everything below it: caracal revoke session/ID --wait
To stop one for a while:                   caracal suspend session/ID --wait")]
    Tree,
}

impl SessionCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<(), CliError> {
        let answer = context.client.get(&context.zone_path("sessions")?).await?;
        match self {
            Self::List => {
                let columns: &[super::output::Column] = &[
                    ("ID", &["id"]),
                    ("APPLICATION", &["application"]),
                    ("HOLDER", &["holder"]),
                    ("PARENT", &["parent"]),
                    ("OPENED AT", &["opened_at"]),
                    ("REVOKED", &["revoked"]),
                ];
                context.output.list(&answer, columns)
            }
            Self::Tree => {
                let suspended = context.zone_path("suspensions")?;
                let suspended = context.client.get(&suspended).await?;
                context
                    .output
                    .line(tree::drawn(&answer, &suspended).trim_end())
            }
        }
    }
}
