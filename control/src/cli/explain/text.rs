//! Decisions as paragraphs, for whoever was called out of bed for them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::Told;
use super::line::{Line, Step};
use super::standing::{Now, Thing};
use crate::cli::output::plain;

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

impl Told<'_> {
    /// `shown` are the mandates whose line was told, and at which entry: each is told once.
    pub(super) fn text(&self, now_s: u64, shown: &mut BTreeMap<String, String>) -> String {
        let null = Value::Null;
        let event = self.entry.get("event").unwrap_or(&null);
        let of = |member: &str| event.get(member).map(plain).unwrap_or_default();
        let index = self.entry.get("index").map(plain).unwrap_or_default();
        let mut text = format!(
            "entry {index}: {} by {} {}",
            match of("outcome").as_str() {
                "allow" if of("action") == "response" => "ended".to_owned(),
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
        if let Some(because) = &self.because {
            row(&mut text, "because", because);
        }
        if let Some(response) = &self.response {
            row(&mut text, "answered", &response.text());
            if let Some(decision) = response.decision_at {
                row(&mut text, "decided", &format!("at entry {decision}"));
            }
        }
        for (heading, member) in RECORDED {
            let Some(value) = event.get(member) else {
                continue;
            };
            let mut value = plain(value);
            // Whether something is listed still is no news about a decision of long ago.
            let now = self.named.get(member).map(|thing| thing.now);
            value.push_str(mark(
                now.filter(|now| *now > Now::Unknown).unwrap_or(Now::Good),
            ));
            match &self.policy_is {
                Some(standing) if member == "policy" => {
                    row(&mut text, heading, &format!("{value} ({standing})"));
                }
                _ => row(&mut text, heading, &value),
            }
        }
        let Some(line) = &self.line else {
            return text;
        };
        if let Some(mandate) = &line.mandate {
            if let Some(entry) = shown.get(mandate) {
                let told = format!("of {}, told at entry {entry}", clean(mandate));
                row(&mut text, "authority", &told);
                return text;
            }
            shown.insert(mandate.clone(), index);
        }
        authority(&mut text, line, now_s);
        text
    }
}

/// Whom it came through. What is wrong by now is in capitals: it is looked for.
fn authority(text: &mut String, line: &Line, now_s: u64) {
    let whose = match (&line.mandate, line.issued_at) {
        (Some(mandate), Some(entry)) => format!("of {}, issued at entry {entry}", clean(mandate)),
        (Some(mandate), None) => format!(
            "of {}; the ledger does not tell its chain: it is from before it did, or from elsewhere",
            clean(mandate)
        ),
        (None, _) => "that it was to be made from".to_owned(),
    };
    row(text, "authority", &whose);
    row(text, "by now", &verdict(line));
    let mut number = 0_usize;
    for step in &line.hops {
        number = number.saturating_add(1);
        hop(text, number, step, now_s);
    }
    for thing in &line.also {
        row(text, "also on", &named(thing));
    }
}

fn verdict(line: &Line) -> String {
    let because: Vec<_> = line
        .because
        .iter()
        .map(|thing| clean(&thing.target))
        .collect();
    let because = because.join(", ");
    match line.now {
        Now::Good => "nothing of it is revoked, suspended or over".to_owned(),
        Now::Unknown if because.is_empty() => "not known".to_owned(),
        Now::Unknown => format!("not known: the server does not list {because}"),
        Now::Over => "its time is OVER; nothing of it is revoked or suspended".to_owned(),
        Now::Suspended => format!("SUSPENDED: {because}"),
        Now::Revoked => format!("REVOKED: {because}"),
    }
}

fn hop(text: &mut String, number: usize, step: &Step, now_s: u64) {
    let Step {
        application,
        session,
        by,
        may,
        depth,
        expires,
        held,
    } = step;
    let by = match by {
        Some(by) => format!("by {}", named(by)),
        None => "handed on by the holder before".to_owned(),
    };
    let name = named(application);
    let name = name.strip_prefix("application/").unwrap_or(&name);
    let _infallible = write!(text, "\n  {number:>4}  {name}, {by}");
    under(text, "session", &id(session));
    for may in may {
        let scopes: Vec<_> = may.scopes.iter().map(|scope| clean(scope)).collect();
        let resource = clean(&may.resource);
        under(text, "may", &format!("{} at {resource}", scopes.join(" ")));
    }
    let further = match depth {
        0 => "not at all".to_owned(),
        1 => "once".to_owned(),
        more => format!("{more} times"),
    };
    under(text, "pass on", &further);
    under(
        text,
        "until",
        &format!("{expires}, {}", distance(*expires, now_s)),
    );
    for one in held {
        let mut value = format!("{}, entry {}", id(&one.mandate), one.entry);
        if let Some(policy) = &one.policy {
            let standing = one.policy_is.as_deref().unwrap_or_default();
            let _infallible = write!(value, ", policy {} ({standing})", clean(policy));
        }
        under(text, "mandate", &value);
    }
}

fn row(text: &mut String, heading: &str, value: &str) {
    // Writing to a String cannot fail.
    let _infallible = write!(text, "\n  {heading:<14}{value}");
}

fn under(text: &mut String, heading: &str, value: &str) {
    let _infallible = write!(text, "\n        {heading:<9}{value}");
}

/// A thing by its whole name, as `caracal revoke` takes it.
fn named(thing: &Thing) -> String {
    format!("{}{}", clean(&thing.target), mark(thing.now))
}

/// A thing whose kind stands before it already.
fn id(thing: &Thing) -> String {
    let target = clean(&thing.target);
    let id = target.split_once('/').map_or(target.as_str(), |(_, id)| id);
    format!("{id}{}", mark(thing.now))
}

const fn mark(now: Now) -> &'static str {
    match now {
        Now::Good => "",
        Now::Unknown => " (not listed any more)",
        Now::Over => " (OVER)",
        Now::Suspended => " (SUSPENDED)",
        Now::Revoked => " (REVOKED)",
    }
}

/// How far away a second is, in the unit that says most.
fn distance(second: u64, now_s: u64) -> String {
    let away = second.abs_diff(now_s);
    let (count, unit) = match away {
        0..120 => (away, "s"),
        120..7200 => (away.div_euclid(60), "min"),
        7200..172_800 => (away.div_euclid(3600), "h"),
        _ => (away.div_euclid(86_400), "days"),
    };
    if second <= now_s {
        format!("over for {count} {unit}")
    } else {
        format!("in {count} {unit}")
    }
}

/// Without what could paint over the terminal.
fn clean(text: &str) -> String {
    plain(&json!(text))
}
