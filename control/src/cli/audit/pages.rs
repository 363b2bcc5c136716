//! Pages of a search put together, and what is said while they are looked for.

use std::io::Write as _;

use serde_json::Value;

use crate::cli::Context;
use crate::cli::error::CliError;

/// Most entries of one answer.
const PAGE: usize = 1000;

/// Entries after which a search says that it goes on.
const SAY_EVERY: u64 = 500_000;

/// What was found, and where to go on if there is more.
pub(super) struct Found {
    pub(super) items: Vec<Value>,
    pub(super) next: Option<String>,
}

/// Asks for page after page until `limit` entries are found or there are no more. `parameters` are the
/// filters.
pub(super) async fn search(
    context: &Context,
    parameters: &str,
    limit: usize,
    cursor: Option<String>,
) -> Result<Found, CliError> {
    let mut found = Found {
        items: Vec::new(),
        next: cursor,
    };
    let (mut looked_at, mut said_at) = (0_u64, 0_u64);
    while found.items.len() < limit {
        let left = limit.saturating_sub(found.items.len()).min(PAGE);
        let mut path = format!("audit?limit={left}{parameters}");
        if let Some(next) = &found.next {
            path.push_str("&cursor=");
            path.push_str(&super::percent_encoded(next));
        }
        let mut answer = context.client.get(&context.zone_path(&path)?).await?;
        if let Some(Value::Array(items)) = answer.get_mut("items").map(Value::take) {
            found.items.extend(items);
        }
        let looked = answer.get("looked_at").and_then(Value::as_u64);
        looked_at = looked_at.saturating_add(looked.unwrap_or(0));
        found.next = next(&answer);
        if found.next.is_none() {
            break;
        }
        if looked_at.saturating_sub(said_at) >= SAY_EVERY {
            said_at = looked_at;
            tell(&format!(
                "looked at {looked_at} entries, found {} of {limit}, going on; --since looks no further \
                 back than it says",
                found.items.len()
            ));
        }
    }
    Ok(found)
}

/// The cursor of an answer.
pub(super) fn next(answer: &Value) -> Option<String> {
    Some(answer.get("next")?.as_str()?.to_owned())
}

/// Says something beside the output. Nobody may be listening.
pub(super) fn tell(text: &str) {
    let _closed = writeln!(std::io::stderr(), "{text}");
}
