//! Whose signatures a point demands of what was passed on: the member `delegators` of its filter.

use std::collections::BTreeMap;
use std::str::FromStr;

use caracal_mandate::edge::Delegators;
use caracal_mandate::name::Name;

use crate::cli::error::CliError;

/// An application, and the public half of a key of its owner.
#[derive(Debug, Clone)]
pub(super) struct Delegator {
    name: Name,
    key: String,
}

impl FromStr for Delegator {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, key) = text
            .split_once('=')
            .ok_or("write NAME=KEY, with the key that `caracal delegation key` prints")?;
        let name: Name = name.parse().map_err(|error| format!("{error}"))?;
        let key = key.to_owned();
        // Said here and not by a proxy that does not come up.
        let mut one = Delegators::default();
        one.insert(name.clone(), std::slice::from_ref(&key))
            .map_err(|error| error.to_string())?;
        Ok(Self { name, key })
    }
}

/// The template, whose filters of these roles demand signatures.
pub(super) fn demanded(template: &str, delegators: &[Delegator]) -> Result<String, CliError> {
    let mut keys = BTreeMap::<&str, Vec<String>>::new();
    for Delegator { name, key } in delegators {
        keys.entry(name.as_str()).or_default().push(key.clone());
    }
    let keys = serde_json::to_string(&keys)
        .map_err(|error| CliError::Failure(format!("the keys cannot be written: {error}")))?;
    let member = format!("                      \"delegators\": {keys},\n");
    let mut text = template.to_owned();
    let mut is_found = false;
    for role in ["resource", "gateway"] {
        let at = format!("                      \"role\": \"{role}\",\n");
        is_found |= text.contains(&at);
        text = text.replace(&at, &[member.as_str(), &at].concat());
    }
    if is_found {
        Ok(text)
    } else {
        Err(CliError::Usage(
            "--delegator is for the side that verifies: a resource, a gateway or a sidecar"
                .to_owned(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::envoy::{AGENT, GATEWAY, RESOURCE, sidecar};

    const ONE: &str =
        "BGsX0fLhLEJH-Lzm5WOkQPJ3A32BLeszoPShOUXYmMKWT-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU";
    const OTHER: &str =
        "BHz-e_hhb7JYLkTgqL0NcPVGp4I0LoZFJpLiivRWFAQ9B3d12ok5nAlZ0XsD7mpdJQxjLGnGlYxjLtDwT0NsJyc";

    fn delegators(texts: &[&str]) -> Vec<Delegator> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn the_side_that_verifies_demands_them_and_no_other() {
        let both = format!("boss={ONE}");
        let asked = delegators(&[&both]);
        let member = format!("\"delegators\": {{\"boss\":[\"{ONE}\"]}},\n");
        let sidecar = sidecar::template(&[]).unwrap();
        for template in [RESOURCE, GATEWAY, &sidecar] {
            let text = demanded(template, &asked).unwrap();
            assert_eq!(text.matches(&member).count(), 1);
            let behind = text.split_once(&member).unwrap().1.trim_start();
            assert!(
                behind.starts_with("\"role\": \"resource\"")
                    || behind.starts_with("\"role\": \"gateway\"")
            );
        }
        let refused = demanded(AGENT, &asked).unwrap_err().to_string();
        assert!(refused.contains("the side that verifies"), "{refused}");
    }

    #[test]
    fn keys_are_read_before_any_proxy_reads_them() {
        for (text, says) in [
            ("boss", "NAME=KEY"),
            ("Boss=x", "not a name"),
            ("boss=AAAA", "key"),
        ] {
            let refused = text.parse::<Delegator>().unwrap_err();
            assert!(refused.contains(says), "{text}: {refused}");
        }
    }

    #[test]
    fn an_application_may_have_several() {
        let texts = [
            format!("boss={ONE}"),
            format!("payer={ONE}"),
            format!("boss={OTHER}"),
        ];
        let texts: Vec<_> = texts.iter().map(String::as_str).collect();
        let text = demanded(RESOURCE, &delegators(&texts)).unwrap();
        assert!(text.contains(&format!(
            "{{\"boss\":[\"{ONE}\",\"{OTHER}\"],\"payer\":[\"{ONE}\"]}}"
        )));
    }
}
