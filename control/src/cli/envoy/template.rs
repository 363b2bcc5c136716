//! Placeholders `${NAME}` and `${NAME:-default}`.

use std::collections::{BTreeMap, BTreeSet};

use crate::cli::error::CliError;

/// One placeholder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Placeholder<'a> {
    /// Text from the placeholder before (or the start) up to this one.
    before: &'a str,
    pub(super) name: &'a str,
    pub(super) default: Option<&'a str>,
    /// Text behind it.
    rest: &'a str,
}

/// Every placeholder in order.
pub(super) fn placeholders(
    template: &str,
) -> impl Iterator<Item = Result<Placeholder<'_>, CliError>> {
    let mut rest = template;
    std::iter::from_fn(move || {
        let (before, inside) = rest.split_once("${")?;
        let Some((body, behind)) = inside.split_once('}') else {
            rest = "";
            return Some(Err(CliError::Failure(
                "the template has an open placeholder".to_owned(),
            )));
        };
        rest = behind;
        let (name, default) = match body.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (body, None),
        };
        let legal = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        if name.is_empty() || !name.bytes().all(legal) {
            let text = format!("the template has a placeholder without a name: {body:?}");
            return Some(Err(CliError::Failure(text)));
        }
        Some(Ok(Placeholder {
            before,
            name,
            default,
            rest: behind,
        }))
    })
}

/// The `KEY=VALUE` arguments. A value stays a value: it cannot close a YAML string, open a line or
/// bring a placeholder.
pub(super) fn values(arguments: &[String]) -> Result<BTreeMap<String, String>, CliError> {
    let mut values = BTreeMap::new();
    for argument in arguments {
        let (key, value) = argument.split_once('=').ok_or_else(|| {
            CliError::Usage(format!("--set {argument:?} has no '=': write KEY=VALUE"))
        })?;
        let bad = |char: char| char.is_control() || matches!(char, '"' | '\'' | '\\');
        if value.is_empty() || value.contains(bad) || value.contains("${") {
            return Err(CliError::Usage(format!(
                "the value of {key} is empty or has a quote, backslash, line break or \"${{\""
            )));
        }
        if values.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(CliError::Usage(format!("{key} is set twice")));
        }
    }
    Ok(values)
}

/// The template with every placeholder filled in.
pub(super) fn render(
    template: &str,
    values: &BTreeMap<String, String>,
) -> Result<String, CliError> {
    let found = placeholders(template).collect::<Result<Vec<_>, _>>()?;
    let known: BTreeSet<_> = found.iter().map(|one| one.name).collect();
    let unknown: Vec<_> = values
        .keys()
        .filter(|key| !known.contains(key.as_str()))
        .collect();
    let missing: BTreeSet<_> = found
        .iter()
        .filter(|one| one.default.is_none() && !values.contains_key(one.name))
        .map(|one| one.name)
        .collect();
    if !unknown.is_empty() || !missing.is_empty() {
        return Err(CliError::Usage(complaint(&found, &unknown, &missing)));
    }
    let mut text = String::with_capacity(template.len());
    let mut tail = template;
    for Placeholder {
        before,
        name,
        default,
        rest,
    } in found
    {
        text.push_str(before);
        text.push_str(
            values
                .get(name)
                .map(String::as_str)
                .or(default)
                .unwrap_or_default(),
        );
        tail = rest;
    }
    text.push_str(tail);
    Ok(text)
}

fn complaint(found: &[Placeholder<'_>], unknown: &[&String], missing: &BTreeSet<&str>) -> String {
    let list = |names: Vec<&str>| names.join(", ");
    let mut parts = Vec::new();
    if !missing.is_empty() {
        parts.push(format!(
            "values are missing: {}",
            list(missing.iter().copied().collect())
        ));
    }
    if !unknown.is_empty() {
        let names = unknown.iter().map(|name| name.as_str()).collect();
        parts.push(format!("the template has no {}", list(names)));
    }
    let optional: BTreeSet<_> = found
        .iter()
        .filter_map(|one| one.default.map(|default| format!("{}={default}", one.name)))
        .collect();
    if !optional.is_empty() {
        let optional = optional.iter().map(String::as_str).collect();
        parts.push(format!("values with a default: {}", list(optional)));
    }
    format!("{}; give each with --set KEY=VALUE", parts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(template: &str, arguments: &[&str]) -> Result<String, String> {
        let arguments: Vec<_> = arguments.iter().map(|text| (*text).to_owned()).collect();
        let values = values(&arguments).map_err(|error| error.to_string())?;
        render(template, &values).map_err(|error| error.to_string())
    }

    #[test]
    fn fills_in_values_and_defaults() {
        let template = "a: ${A}\nb: ${B:-2}\nagain: ${A}";
        assert_eq!(
            rendered(template, &["A=1"]).unwrap(),
            "a: 1\nb: 2\nagain: 1"
        );
        assert_eq!(
            rendered(template, &["A=1", "B=x=y"]).unwrap(),
            "a: 1\nb: x=y\nagain: 1"
        );
        assert_eq!(rendered("plain", &[]).unwrap(), "plain");
    }

    #[test]
    fn says_what_is_missing_and_what_is_unknown() {
        let error = rendered("${A} ${B} ${C:-3}", &["A=1", "Z=1"]).unwrap_err();
        assert_eq!(
            error,
            "values are missing: B; the template has no Z; values with a default: C=3; \
             give each with --set KEY=VALUE"
        );
    }

    #[test]
    fn a_value_cannot_break_out() {
        for value in ["a\"b", "a'b", "a\nb", "${A}", "a\\b", ""] {
            assert!(
                rendered("${A}", &[&format!("A={value}")]).is_err(),
                "{value:?}"
            );
        }
        assert!(rendered("${A}", &["A"]).is_err());
        assert!(rendered("${A}", &["A=1", "A=2"]).is_err());
    }

    #[test]
    fn refuses_templates_that_are_broken() {
        assert!(rendered("${A", &["A=1"]).is_err());
        assert!(rendered("${a}", &["a=1"]).is_err());
    }
}
