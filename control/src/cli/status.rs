//! `caracal status`.

use serde_json::Value;

use super::Context;
use super::error::CliError;

/// Characters of a VM's name that tell the workers of one proxy apart.
const WORKER: usize = 8;

pub(crate) async fn run(context: &Context) -> Result<(), CliError> {
    let mut answer = context
        .client
        .get(&context.zone_path("points/status")?)
        .await?;
    if context.output.is_json() {
        return context.output.json(&answer);
    }
    let warning = shadows(&answer);
    let items = answer.get_mut("items").and_then(Value::as_array_mut);
    items.into_iter().flatten().for_each(readable);
    let columns: &[super::output::Column] = &[
        ("INSTANCE", &["instance"]),
        ("WORKER", &["boot"]),
        ("ROLE", &["role"]),
        ("MODE", &["mode"]),
        ("APPLIED", &["applied"]),
        ("LAST PING MS", &["last_ping_age_ms"]),
        ("LEASE LEFT MS", &["lease_remaining_ms"]),
        ("LEASE MS", &["lease_ms"]),
        ("STREAMS", &["streams"]),
        ("LAST ERROR", &["last_error"]),
        ("SOFTWARE", &["software"]),
        ("SPIFFE ID", &["spiffe_id"]),
    ];
    context.output.list(&answer, columns)?;
    match warning {
        Some(warning) => context.output.line(&warning),
        None => Ok(()),
    }
}

/// What has to be said aloud: points that let everything pass. `None` when all enforce.
fn shadows(answer: &Value) -> Option<String> {
    let items = answer.get("items").and_then(Value::as_array);
    let text = |item: &Value, member: &str| item.get(member)?.as_str().map(str::to_owned);
    let enforces = |item: &&Value| text(item, "mode").is_some_and(|mode| mode == "enforce");
    let mut names: Vec<_> = items
        .into_iter()
        .flatten()
        .filter(|item| !enforces(item))
        .map(|item| text(item, "instance").unwrap_or_default())
        .collect();
    names.sort_unstable();
    names.dedup();
    let quoted: Vec<_> = names.iter().map(|name| format!("{name:?}")).collect();
    (!names.is_empty()).then(|| {
        format!(
            "\nNOT ENFORCED: {} in shadow mode; what is refused there passes all the same.",
            quoted.join(", ")
        )
    })
}

/// The form that an item has for people: versions as `term.epoch` like everywhere, modes that are
/// not enforcement in capitals, short names of workers.
fn readable(item: &mut Value) {
    if let Some(version) = item.get_mut("applied")
        && let (Some(term), Some(epoch)) = (version.get("term"), version.get("epoch"))
    {
        *version = Value::String(format!("{term}.{epoch}"));
    }
    let mut change = |member: &str, change: fn(&str) -> String| {
        if let Some(Value::String(text)) = item.get_mut(member) {
            *text = change(text);
        }
    };
    change("boot", |boot| boot.chars().take(WORKER).collect());
    change("mode", |mode| match mode {
        "enforce" => mode.to_owned(),
        other => other.to_uppercase(),
    });
    change("last_error", |error| match error {
        "" => "-".to_owned(),
        error => error.to_owned(),
    });
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whatever_does_not_enforce_is_said_aloud_once_for_each_proxy() {
        let point = |instance: &str, mode: &str| json!({"instance": instance, "mode": mode});
        let all = json!({"items": [point("b", "enforce"), point("a", "enforce")]});
        assert_eq!(shadows(&all), None);
        let some = json!({"items": [point("b", "shadow"), point("a", "enforce"),
            point("b", "shadow"), point("c\u{1b}", "else")]});
        let warning = shadows(&some).unwrap();
        assert!(warning.contains(r#"NOT ENFORCED: "b", "c\u{1b}" in shadow mode"#));
        assert_eq!(shadows(&json!({})), None);
    }

    #[test]
    fn an_item_reads_well() {
        let mut item = json!({"boot": "0123456789abcdef", "mode": "shadow", "last_error": "",
            "applied": {"term": 1, "epoch": 9}});
        readable(&mut item);
        assert_eq!(
            item,
            json!({"boot": "01234567", "mode": "SHADOW", "last_error": "-", "applied": "1.9"})
        );
    }
}
