//! `caracal explain`: why one request was decided as it was, from the ledger.

mod issues;
mod line;
mod response;
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
use response::Response;
use standing::{Standing, Thing};

/// Most decisions on one request that are told.
const MOST: u32 = 100;

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  caracal explain 5f1c0a6e-... --zone bank

Every decision on the request is told, oldest first: outcome, reason, what was recorded of what it
rested on, what the upstream answered and how long it took, and whom its authority came through, with
what of that is revoked or suspended by now.
`caracal policy explain` says which rule of a policy version ended where.")]
pub(crate) struct ExplainArgs {
    /// `x-request-id` of the request; refusals carry it.
    #[arg(value_name = "REQUEST-ID")]
    request_id: String,
}

impl ExplainArgs {
    pub(crate) async fn run(self, context: &Context) -> Result<(), CliError> {
        let decisions = Decisions::on(&self.request_id, context).await?;
        if context.output.is_json() {
            context.output.json(&decisions.json())
        } else {
            context.output.line(&decisions.text())
        }
    }
}

/// The decisions on one request, oldest first, and what they are told with.
struct Decisions {
    entries: Vec<Value>,
    issues: Issues,
    standing: Standing,
    policies: Value,
}

impl Decisions {
    async fn on(id: &str, context: &Context) -> Result<Self, CliError> {
        let query = format!("audit?request_id={}&limit={MOST}", percent_encoded(id));
        let answer = context.client.get(&context.zone_path(&query)?).await?;
        let items = answer.get("items").and_then(Value::as_array);
        let entries: Vec<_> = items.into_iter().flatten().rev().cloned().collect();
        if entries.is_empty() {
            return Err(CliError::Failure(format!(
                "the ledger of the zone has no decision on request {id:?}"
            )));
        }
        let now_s = SystemClock::new().unix_ms().div_euclid(1000);
        Ok(Self {
            issues: Issues::follow(context, &entries).await?,
            standing: Standing::ask(context, now_s).await?,
            policies: context.client.get(&context.zone_path("policies")?).await?,
            entries,
        })
    }

    fn told(&self) -> impl Iterator<Item = Told<'_>> {
        let known = Known {
            issues: &self.issues,
            standing: &self.standing,
            policies: &self.policies,
            entries: &self.entries,
        };
        let entries = self.entries.iter();
        entries.map(move |entry| Told::of(entry, &known))
    }

    fn json(&self) -> Value {
        let items: Vec<_> = self.told().map(|told| told.json()).collect();
        json!({ "items": items })
    }

    fn text(&self) -> String {
        let mut shown = BTreeMap::new();
        let paragraphs = self
            .told()
            .map(|told| told.text(self.standing.now_s, &mut shown));
        paragraphs.collect::<Vec<_>>().join("\n\n")
    }
}

/// An entry with what its codes mean, and what it rested on.
struct Told<'a> {
    entry: &'a Value,
    because: Option<String>,
    policy_is: Option<String>,
    /// What the entry itself names, by member: a refusal may rest on nothing but that.
    named: BTreeMap<&'static str, Thing>,
    response: Option<Response>,
    line: Option<Line>,
}

/// Members of events that name what can be revoked. They are called as `caracal revoke` calls them.
const REVOCABLE: [&str; 4] = ["application", "grant", "session", "mandate"];

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
            named: REVOCABLE
                .into_iter()
                .filter_map(|kind| Some((kind, known.standing.of(kind, text(kind)?))))
                .collect(),
            response: Response::of(entry, known.entries),
            line: Line::of(entry, known),
        }
    }

    fn json(&self) -> Value {
        let Self {
            entry,
            because,
            policy_is,
            named,
            response,
            line,
        } = self;
        let mut told = (*entry).clone();
        if let Some(told) = told.as_object_mut() {
            told.insert("because".to_owned(), json!(because));
            told.insert("policy_is".to_owned(), json!(policy_is));
            told.insert("by_now".to_owned(), json!(named));
            told.insert("response".to_owned(), json!(response));
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
