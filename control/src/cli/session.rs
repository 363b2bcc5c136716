//! `caracal session`.

use clap::Subcommand;

use super::Context;
use super::error::CliError;

#[derive(Debug, Subcommand)]
pub(crate) enum SessionCommand {
    /// Lists the newest sessions.
    List,
}

impl SessionCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<(), CliError> {
        let Self::List = self;
        let answer = context.client.get(&context.zone_path("sessions")?).await?;
        let columns: &[super::output::Column] = &[
            ("ID", &["id"]),
            ("APPLICATION", &["application"]),
            ("HOLDER", &["holder"]),
            ("OPENED AT", &["opened_at"]),
            ("REVOKED", &["revoked"]),
        ];
        context.output.list(&answer, columns)
    }
}
