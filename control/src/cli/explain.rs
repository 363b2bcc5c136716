//! `caracal explain`: why one request was decided as it was, from the ledger.

use std::fmt::Write as _;

use caracal_mandate::reason::Reason;
use clap::Args;
use serde_json::{Value, json};

use super::Context;
use super::audit::percent_encoded;
use super::error::CliError;
use super::output::plain;

/// Most decisions on one request that are told.
const MOST: u32 = 100;

/// What was recorded beside the outcome: heading, and member of the event.
const RECORDED: [(&str, &str); 15] = [
    ("application", "application"),
    ("holder", "holder"),
    ("resource", "resource"),
    ("operation", "operation"),
    ("method", "method"),
    ("host", "host"),
    ("path", "path"),
    ("scope", "scope"),
    ("grant", "grant"),
    ("policy", "policy"),
    ("session", "session"),
    ("mandate", "mandate"),
    ("authority at", "epoch"),
    ("detail", "detail"),
    ("time ms", "time_ms"),
];

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  caracal explain 5f1c0a6e-... --zone bank

Every decision on the request is told, oldest first: outcome, reason, and what was recorded of what it
rested on. `caracal policy explain` says which rule of a policy version ended where.")]
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
        let told = entries.iter().map(|entry| explained(entry, &policies));
        let told: Vec<_> = told.collect();
        if context.output.is_json() {
            return context.output.json(&json!({ "items": told }));
        }
        let paragraphs: Vec<_> = told.iter().map(paragraph).collect();
        context.output.line(&paragraphs.join("\n\n"))
    }
}

/// An entry with what its codes mean.
fn explained(entry: &Value, policies: &Value) -> Value {
    let event = entry.get("event");
    let text = |member: &str| event.and_then(|event| event.get(member)?.as_str());
    let sentence = text("reason").map(|code| match code.parse::<Reason>() {
        Ok(reason) => reason.sentence().to_owned(),
        Err(_) => "a reason that this version does not know".to_owned(),
    });
    let policy = text("policy").map(|digest| standing(digest, policies));
    let mut told = entry.clone();
    if let Some(told) = told.as_object_mut() {
        told.insert("because".to_owned(), json!(sentence));
        told.insert("policy_is".to_owned(), json!(policy));
    }
    told
}

/// What a policy version is in the zone now.
fn standing(digest: &str, policies: &Value) -> String {
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

fn paragraph(told: &Value) -> String {
    let null = Value::Null;
    let event = told.get("event").unwrap_or(&null);
    let of = |member: &str| event.get(member).map(plain).unwrap_or_default();
    let index = told.get("index").map(plain).unwrap_or_default();
    let mut text = format!(
        "entry {index}: {} by {} {}",
        match of("outcome").as_str() {
            "allow" => "allowed".to_owned(),
            // It must not be taken for a refusal that anybody met.
            "deny" if event.get("shadow") == Some(&Value::Bool(true)) => {
                format!("SHADOW: let pass, would be refused, {}", of("reason"))
            }
            "deny" => format!("refused, {}", of("reason")),
            _ => "unreadable; `caracal audit verify` says more".to_owned(),
        },
        of("component"),
        of("action"),
    );
    let because = told.get("because").filter(|because| !because.is_null());
    if let Some(because) = because {
        // Writing to a String cannot fail.
        let _infallible = write!(text, "\n  {:<14}{}", "because", plain(because));
    }
    for (heading, member) in RECORDED {
        let Some(value) = event.get(member) else {
            continue;
        };
        let mut value = plain(value);
        if member == "policy"
            && let Some(standing) = told.get("policy_is")
        {
            let _infallible = write!(value, " ({})", plain(standing));
        }
        let _infallible = write!(text, "\n  {heading:<14}{value}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Value {
        json!({"index": 7, "event": {"action": "exchange", "component": "sts", "outcome": "deny",
            "reason": "no_grant", "application": "payout", "policy": "sha256:a",
            "detail": "by tls_client_auth\u{1b}[2J", "time_ms": 5}})
    }

    #[test]
    fn what_was_only_shadowed_is_no_refusal() {
        let mut entry = entry();
        entry["event"]["shadow"] = json!(true);
        let text = paragraph(&explained(&entry, &json!({"items": []})));
        assert!(text.starts_with(
            "entry 7: SHADOW: let pass, would be refused, no_grant by sts exchange\n"
        ));
    }

    #[test]
    fn a_refusal_says_why_and_what_it_rested_on() {
        let policies = json!({"items": [{"digest": "sha256:b", "active": true, "seq": 9},
            {"digest": "sha256:a", "active": false, "seq": 4}]});
        let text = paragraph(&explained(&entry(), &policies));
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "entry 7: refused, no_grant by sts exchange");
        let because = Reason::NoGrant.sentence();
        assert_eq!(lines[1], format!("  because       {because}"));
        assert!(
            text.contains(
                "policy        sha256:a (an earlier version, activated last at position 4)"
            )
        );
        assert!(!text.contains('\u{1b}'), "nothing paints over the terminal");
    }

    #[test]
    fn what_is_not_known_is_said_to_be_so() {
        let mut entry = entry();
        entry["event"]["reason"] = json!("of_the_future");
        let told = explained(&entry, &json!({"items": []}));
        assert_eq!(told["because"], "a reason that this version does not know");
        assert_eq!(told["policy_is"], "no version of this zone");
        let unreadable = paragraph(&explained(&json!({"index": 3}), &Value::Null));
        assert!(
            unreadable.starts_with("entry 3: unreadable"),
            "{unreadable}"
        );
    }
}
