//! `caracal key`.

use clap::Subcommand;
use serde_json::{Value, json};

use super::Context;
use super::error::CliError;
use super::output::plain;
use super::revoke::effect;

/// Signing keys of a zone.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Lists the zone's keys, newest first, with those that have ended.
    List,
    /// Lets the next key take over now. Keys rotate on their own; this is for those who want it
    /// earlier. Nothing is refused meanwhile.
    Rotate,
    /// Revokes a key at once, for when it may be known to somebody: nothing that it signed counts
    /// any more, and every mandate of the zone that was issued until now is refused. Another key
    /// takes over.
    Revoke {
        /// Key id, as `caracal key list` shows it.
        #[arg(allow_hyphen_values = true)]
        kid: String,
        /// Waits until every connected enforcement point has applied it, or until the silent ones
        /// refuse everything.
        #[arg(long)]
        wait: bool,
    },
}

impl KeyCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<(), CliError> {
        let path = context.zone_path("keys")?;
        match self {
            Self::List => {
                let answer = context.client.get(&path).await?;
                let columns: &[super::output::Column] = &[
                    ("KEY", &["kid"]),
                    ("STATE", &["state"]),
                    ("KEPT IN", &["kept_in"]),
                    ("PUBLISHED MS", &["published_ms"]),
                    ("ACTIVE MS", &["activated_ms"]),
                    ("RETIRED MS", &["retired_ms"]),
                    ("ENDED MS", &["ended_ms"]),
                ];
                context.output.list(&answer, columns)
            }
            Self::Rotate => {
                let path = format!("{path}/rotate");
                let answer = context.client.post(&path, &json!({})).await?;
                context.output.done(&answer, &signs(&answer))
            }
            Self::Revoke { kid, wait } => {
                // What is no key id would be another path.
                let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
                if kid.is_empty() || !kid.bytes().all(known) {
                    return Err(CliError::Usage(format!("{kid:?} is no key's id")));
                }
                let path = format!("{path}/{kid}?wait={wait}");
                let answer = context.client.delete(&path).await?;
                let done = format!(
                    "key {kid} is revoked, with every mandate that was issued until now{}\n{}",
                    if wait { effect(&answer) } else { String::new() },
                    signs(&answer)
                );
                context.output.done(&answer, &done)
            }
        }
    }
}

fn signs(answer: &Value) -> String {
    match answer.get("signing") {
        Some(Value::String(kid)) => {
            format!("key {} signs now", plain(&Value::String(kid.clone())))
        }
        _ => "no key signs: the zone issues nothing until it has one; look at the server's log"
            .to_owned(),
    }
}
