//! From a mandate to the exchange that issued it, and from there to the mandates that it was made from.

use std::collections::{BTreeMap, VecDeque};

use serde_json::Value;

use crate::cli::Context;
use crate::cli::audit::percent_encoded;
use crate::cli::error::CliError;

/// Most mandates that are looked up for one request. Whoever sends requests chooses their ids, so there
/// may be as many decisions under one as somebody likes.
const MOST: usize = 64;

/// The entries of exchanges, by the mandate that they issued.
#[derive(Debug, Default)]
pub(super) struct Issues(BTreeMap<String, Option<Value>>);

impl Issues {
    /// Follows every mandate that the entries name, and those that it was made from.
    pub(super) async fn follow(context: &Context, entries: &[Value]) -> Result<Self, CliError> {
        let mut issues = Self::default();
        let mut ahead: VecDeque<String> = entries.iter().flat_map(named).collect();
        while let Some(mandate) = ahead.pop_front() {
            if issues.0.contains_key(&mandate) || issues.0.len() >= MOST {
                continue;
            }
            let query = format!("audit?issued={}&limit=1", percent_encoded(&mandate));
            let answer = context.client.get(&context.zone_path(&query)?).await?;
            let issue = answer.pointer("/items/0").cloned();
            ahead.extend(issue.iter().flat_map(named));
            issues.0.insert(mandate, issue);
        }
        Ok(issues)
    }

    /// The exchange that issued a mandate, if it was found.
    pub(super) fn of(&self, mandate: &str) -> Option<&Value> {
        self.0.get(mandate)?.as_ref()
    }

    #[cfg(test)]
    pub(super) fn from_entries(entries: &[Value]) -> Self {
        let issue = |entry: &Value| {
            let mandate = entry.pointer("/event/mandate")?.as_str()?;
            Some((mandate.to_owned(), Some(entry.clone())))
        };
        Self(entries.iter().filter_map(issue).collect())
    }
}

/// The mandates that an entry names: its own, and those that its own was made from.
fn named(entry: &Value) -> Vec<String> {
    let own = entry.pointer("/event/mandate");
    let from = entry.pointer("/event/chain/from").and_then(Value::as_array);
    let all = own.into_iter().chain(from.into_iter().flatten());
    all.filter_map(Value::as_str).map(str::to_owned).collect()
}
