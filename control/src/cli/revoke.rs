//! `caracal revoke`.

use caracal_store::model::RevocationTarget;
use clap::Args;
use serde_json::{Value, json};

use super::Context;
use super::error::CliError;
use super::output::plain;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  caracal revoke grant/grt_... --zone bank --wait
  caracal revoke application/payout --zone bank
  caracal revoke zone --zone bank --wait        every mandate that was issued until now")]
pub(crate) struct RevokeArgs {
    /// mandate/ID, session/ID, grant/ID, delegation/ID, application/NAME, resource/NAME or zone.
    target: RevocationTarget,
    /// Waits until every connected enforcement point has applied it, or until the silent ones
    /// refuse everything.
    #[arg(long)]
    wait: bool,
}

impl RevokeArgs {
    pub(crate) async fn run(self, context: &Context) -> Result<(), CliError> {
        let Self { target, wait } = self;
        let body = json!({ "target": target.to_string(), "wait": wait });
        let path = context.zone_path("revocations")?;
        let answer = context.client.post(&path, &body).await?;
        let sentence = format!(
            "{target} is revoked{}",
            if wait { effect(&answer) } else { String::new() }
        );
        context.output.done(&answer, &sentence)
    }
}

/// Who has applied a revocation.
pub(super) fn effect(answer: &Value) -> String {
    let member = |name: &str| answer.get(name).map(plain).unwrap_or_default();
    let mut text = format!(
        ": {} of {} enforcement points have applied it, after {} ms",
        member("acknowledged"),
        member("expected"),
        member("waited_ms"),
    );
    let silent = answer.get("silent").and_then(Value::as_array);
    for name in silent.into_iter().flatten() {
        text.extend([
            "\n",
            &plain(name),
            " is silent; its lease of at most ",
            &member("bound_ms"),
            " ms is over, so it refuses everything",
        ]);
    }
    text
}
