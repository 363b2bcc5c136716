//! `caracal suspend` and `caracal resume`.

use caracal_store::model::RevocationTarget;
use clap::Args;
use serde_json::json;

use super::Context;
use super::error::CliError;
use super::revoke::effect;

#[derive(Debug, Args)]
#[command(after_help = "\
Nothing that descends from the target is good until it is resumed: mandates, sessions below it, what was
passed on. Long responses under way are cut.

Examples:
  caracal suspend application/payout --zone bank --wait
  caracal suspend session/ses_... --zone bank
  caracal resume application/payout --zone bank")]
pub(crate) struct SuspendArgs {
    /// session/ID, application/NAME, grant/ID or delegation/ID.
    target: RevocationTarget,
    /// Waits until every connected enforcement point has applied it, or until the silent ones
    /// refuse everything.
    #[arg(long)]
    wait: bool,
}

impl SuspendArgs {
    pub(crate) async fn run(self, context: &Context) -> Result<(), CliError> {
        let Self { target, wait } = self;
        let body = json!({ "target": target.to_string(), "wait": wait });
        let path = context.zone_path("suspensions")?;
        let answer = context.client.post(&path, &body).await?;
        let sentence = format!(
            "{target} is suspended{}",
            if wait { effect(&answer) } else { String::new() }
        );
        context.output.done(&answer, &sentence)
    }
}

#[derive(Debug, Args)]
pub(crate) struct ResumeArgs {
    /// What was suspended; see `caracal session tree` and `caracal delegation list`.
    target: RevocationTarget,
}

impl ResumeArgs {
    pub(crate) async fn run(self, context: &Context) -> Result<(), CliError> {
        let Self { target } = self;
        let path = context.zone_path(&format!("suspensions/{target}"))?;
        let answer = context.client.delete(&path).await?;
        context
            .output
            .done(&answer, &format!("{target} is resumed"))
    }
}
