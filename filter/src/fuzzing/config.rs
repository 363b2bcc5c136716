//! The plugin's configuration.

use serde_json::Value;

use crate::config::{Config, MAX_UPSTREAM_NAME};

const MEMBERS: [&str; 11] = [
    "role",
    "mode",
    "calls",
    "delegators",
    "zone",
    "instance",
    "sts",
    "lease_ms",
    "audit",
    "allow_mark",
    "mandate_cache",
];
const STS_MEMBERS: [&str; 4] = ["cluster", "watch_cluster", "authority", "timeout_ms"];

/// What is accepted is an object of known members with every value in its range, means the same
/// without white space, and does not print its secret.
///
/// # Panics
/// When the input breaks the law.
#[must_use]
pub fn config(data: &[u8]) -> bool {
    let Ok(config) = Config::parse(data) else {
        return false;
    };
    let document: Option<Value> = serde_json::from_slice(data).ok();
    let members = |value: Option<&Value>, known: &[&str]| {
        let members = value.and_then(Value::as_object);
        members.is_some_and(|members| members.keys().all(|name| known.contains(&name.as_str())))
    };
    assert!(
        members(document.as_ref(), &MEMBERS),
        "an object of known members"
    );
    let sts = document.as_ref().and_then(|document| document.get("sts"));
    assert!(members(sts, &STS_MEMBERS), "an object of known members");
    assert!((500..=10_000).contains(&config.lease_ms));
    assert!((10..=5000).contains(&config.sts.timeout_ms));
    assert!((16..=1_000_000).contains(&config.mandate_cache));
    assert!((1..=128).contains(&config.instance.len()));
    assert!((16..=256).contains(&config.allow_mark.len()) && config.allow_mark.is_ascii());
    let watch = config.sts.watch_cluster.as_ref();
    for name in [&config.sts.cluster, &config.sts.authority]
        .into_iter()
        .chain(watch)
    {
        assert!((1..=MAX_UPSTREAM_NAME).contains(&name.len()) && name.is_ascii());
    }
    let shown = format!("{config:?}");
    let is_told = config.instance.contains(&config.allow_mark)
        || config.zone.as_str().contains(&config.allow_mark);
    assert!(
        is_told || !shown.contains(&config.allow_mark),
        "the mark is a secret"
    );
    let compact = document
        .map(|document| document.to_string())
        .unwrap_or_default();
    assert_eq!(Config::parse(compact.as_bytes()).ok(), Some(config));
    true
}

#[cfg(test)]
mod tests {
    #[test]
    fn seeds_are_read_as_their_names_say() {
        let minimal = r#"{"role":"resource","zone":"prod","instance":"bank-sidecar",
 "sts":{"cluster":"caracal_sts"},"allow_mark":"0123456789abcdef"}"#;
        let whole = r#"{"role":"gateway","zone":"prod","instance":"egress","sts":{"cluster":"a","watch_cluster":"b",
 "authority":"sts.internal","timeout_ms":100},"lease_ms":500,"audit":"besteffort","allow_mark":"0123456789abcdef",
 "mandate_cache":16}"#;
        let signed = {
            let point = format!("BA{}", "A".repeat(85));
            format!(r#"{{"delegators":{{"orchestrator":["{point}"]}},"#)
        };
        let array =
            r#"["agent","prod","i",["c",null,"a",250],2000,"required","0123456789abcdef",16]"#;
        let seeds = [
            ("good-minimal", minimal.to_owned()),
            ("good-whole", whole.to_owned()),
            ("good-delegators", minimal.replacen('{', &signed, 1)),
            (
                "bad-delegators",
                whole.replacen('{', r#"{"delegators":{"a":[]},"#, 1),
            ),
            ("bad-array", array.to_owned()),
            (
                "bad-nested-array",
                minimal.replace(r#"{"cluster":"caracal_sts"}"#, r#"["c",null,"a",250]"#),
            ),
            (
                "bad-member",
                minimal.replace("\"zone\"", "\"lease\":1,\"zone\""),
            ),
            (
                "bad-twice",
                minimal.replace("\"zone\"", "\"zone\":\"test\",\"zone\""),
            ),
            ("bad-mark", minimal.replace("0123456789abcdef", "short")),
            ("bad-lease", whole.replace("500,", "499,")),
            ("bad-name", minimal.replace("caracal_sts", "")),
            ("bad-json", minimal.replace('}', "")),
        ];
        let seeds = seeds.map(|(name, text)| (name, text.into_bytes()));
        caracal_seeds::hold("config", &seeds, super::config).unwrap();
    }
}
