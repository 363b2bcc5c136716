//! `caracal status`.

use serde_json::Value;

use super::Context;
use super::error::CliError;

pub(crate) async fn run(context: &Context) -> Result<(), CliError> {
    let mut answer = context
        .client
        .get(&context.zone_path("points/status")?)
        .await?;
    if !context.output.is_json() {
        let items = answer.get_mut("items").and_then(Value::as_array_mut);
        items.into_iter().flatten().for_each(dotted_version);
    }
    let columns: &[super::output::Column] = &[
        ("INSTANCE", &["instance"]),
        ("ROLE", &["role"]),
        ("APPLIED", &["applied"]),
        ("LAST PING MS", &["last_ping_age_ms"]),
        ("LEASE MS", &["lease_ms"]),
        ("SOFTWARE", &["software"]),
        ("SPIFFE ID", &["spiffe_id"]),
    ];
    context.output.list(&answer, columns)
}

/// The version in the form that it has everywhere for people: `term.epoch`.
fn dotted_version(item: &mut Value) {
    if let Some(version) = item.get_mut("applied")
        && let (Some(term), Some(epoch)) = (version.get("term"), version.get("epoch"))
    {
        *version = Value::String(format!("{term}.{epoch}"));
    }
}
