//! `caracal explain`: why one request was decided as it was, from the ledger.

mod issues;
mod line;
mod standing;
mod text;

use std::collections::BTreeMap;

use caracal_mandate::reason::Reason;
use caracal_sts::{Clock as _, SystemClock};
use clap::Args;
use serde_json::{Value, json};

use super::Context;
use super::audit::percent_encoded;
use super::error::CliError;
use super::output::plain;
use issues::Issues;
use line::{Known, Line};
use standing::Standing;

/// Most decisions on one request that are told.
const MOST: u32 = 100;

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  caracal explain 5f1c0a6e-... --zone bank

Every decision on the request is told, oldest first: outcome, reason, what was recorded of what it
rested on, and whom its authority came through, with what of that is revoked or suspended by now.
`caracal policy explain` says which rule of a policy version ended where.")]
pub(crate) struct ExplainArgs {
    /// `x-request-id` of the request; refusals carry it.
    #[arg(value_name = "REQUEST-ID")]
    request_id: String,
}

impl ExplainArgs {
    pub(crate) async fn run(self, context: &Context) -> Result<(), CliError> {
        let id = &self.request_id;
        let query = format!("audit?request_id={}&limit={MOST}", percent_encoded(id));
        let answer = context.client.get(&context.zone_path(&query)?).await?;
        let mut entries = answer.get("items").and_then(Value::as_array).cloned();
        let entries = entries.get_or_insert_default();
        if entries.is_empty() {
            return Err(CliError::Failure(format!(
                "the ledger of the zone has no decision on request {id:?}"
            )));
        }
        entries.reverse();
        let policies = context.client.get(&context.zone_path("policies")?).await?;
        let issues = Issues::follow(context, entries).await?;
        let now_s = SystemClock::new().unix_ms().div_euclid(1000);
        let standing = Standing::ask(context, now_s).await?;
        let known = Known {
            issues: &issues,
            standing: &standing,
            policies: &policies,
        };
        let told = entries.iter().map(|entry| Told::of(entry, &known));
        let told: Vec<_> = told.collect();
        if context.output.is_json() {
            let items: Vec<_> = told.iter().map(Told::json).collect();
            return context.output.json(&json!({ "items": items }));
        }
        let mut shown = BTreeMap::new();
        let paragraphs = told.iter().map(|told| told.text(now_s, &mut shown));
        let paragraphs: Vec<_> = paragraphs.collect();
        context.output.line(&paragraphs.join("\n\n"))
    }
}

/// An entry with what its codes mean, and what it rested on.
struct Told<'a> {
    entry: &'a Value,
    because: Option<String>,
    policy_is: Option<String>,
    line: Option<Line>,
}

impl<'a> Told<'a> {
    fn of(entry: &'a Value, known: &Known<'_>) -> Self {
        let event = entry.get("event");
        let text = |member: &str| event.and_then(|event| event.get(member)?.as_str());
        let because = text("reason").map(|code| match code.parse::<Reason>() {
            Ok(reason) => reason.sentence().to_owned(),
            Err(_) => "a reason that this version does not know".to_owned(),
        });
        let policy = text("policy").map(|digest| standing_of_policy(digest, known.policies));
        Self {
            entry,
            because,
            policy_is: policy,
            line: Line::of(entry, known),
        }
    }

    fn json(&self) -> Value {
        let Self {
            entry,
            because,
            policy_is,
            line,
        } = self;
        let mut told = (*entry).clone();
        if let Some(told) = told.as_object_mut() {
            told.insert("because".to_owned(), json!(because));
            told.insert("policy_is".to_owned(), json!(policy_is));
            told.insert("authority".to_owned(), json!(line));
        }
        told
    }
}

/// What a policy version is in the zone now.
fn standing_of_policy(digest: &str, policies: &Value) -> String {
    let versions = policies.get("items").and_then(Value::as_array);
    let mut versions = versions.into_iter().flatten();
    let found = versions.find(|one| one.get("digest").and_then(Value::as_str) == Some(digest));
    let Some(version) = found else {
        return "no version of this zone".to_owned();
    };
    let seq = version.get("seq").map(plain).unwrap_or_default();
    if version.get("active") == Some(&Value::Bool(true)) {
        format!("active now, since position {seq}")
    } else {
        format!("an earlier version, activated last at position {seq}")
    }
}

#[cfg(test)]
mod tests;
