//! OPA's own conformance cases, as far as a policy may use what they use.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use caracal_sts::policy::{SourceFile, Workbench};
use caracal_tests::opa::{Opa, conformance_cases};
use serde_json::{Value, json};

/// Cases in which we differ on purpose, each with the reason.
const DIFFERENT: &[(&str, &str)] = &[(
    "refheads/general, set leaf, deep query",
    "the path leads into a member of a set below a variable; the service asks for whole rules",
)];

#[test]
fn opas_own_cases_hold_where_a_policy_may_use_them() -> Result<()> {
    let mut opa = Opa::start()?;
    let mut tally: BTreeMap<String, usize> = BTreeMap::new();
    let mut disagreements = Vec::new();
    let mut count = |what: String| *tally.entry(what).or_default() += 1;
    for file in files(&conformance_cases()?)? {
        let text = std::fs::read_to_string(&file)?;
        let answer = opa.query("x := yaml.unmarshal(input)", &json!(text))?;
        let cases = answer
            .pointer("/result/0/x/cases")
            .and_then(Value::as_array);
        for case in cases.with_context(|| format!("no cases in {}", file.display()))? {
            let note = case.get("note").and_then(Value::as_str).unwrap_or_default();
            match run(case)? {
                Verdict::Agrees => count("agree".to_owned()),
                Verdict::NotOurs(why) => count(format!("not ours: {why}")),
                Verdict::Differs(how) => {
                    if DIFFERENT.iter().any(|(known, _)| *known == note) {
                        count("differ on purpose".to_owned());
                    } else {
                        disagreements.push(format!("{note}: {how}\n{case:#}"));
                    }
                }
            }
        }
    }
    for (what, times) in &tally {
        println!("{times:5} {what}");
    }
    println!("{} disagreements", disagreements.len());
    for disagreement in &disagreements {
        println!("--- {disagreement}");
    }
    assert!(disagreements.is_empty(), "see the list above");
    assert!(
        tally.get("agree").is_some_and(|agree| *agree >= 500),
        "{tally:?}"
    );
    Ok(())
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(self::files(&path)?);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

enum Verdict {
    Agrees,
    Differs(String),
    NotOurs(String),
}

fn run(case: &Value) -> Result<Verdict> {
    let not_ours = |why: &str| Ok(Verdict::NotOurs(why.to_owned()));
    let text = |member: &str| case.get(member).and_then(Value::as_str);
    // Queries are asked as the token service asks: for the value of one rule.
    let Some(path) = text("query").and_then(|query| query.strip_suffix(" = x")) else {
        return not_ours("a query of another form");
    };
    if !path.starts_with("data.")
        || !path
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._".contains(&byte))
    {
        return not_ours("a query of another form");
    }
    if text("input_term").is_some() {
        return not_ours("an input that is no JSON");
    }
    let modules: Vec<SourceFile> = case
        .get("modules")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .enumerate()
        .map(|(at, source)| SourceFile {
            name: format!("{at}.rego"),
            source: source.to_owned(),
        })
        .collect();
    if modules.is_empty() {
        return not_ours("no modules");
    }
    let data = case
        .get("data")
        .filter(|data| data.as_object().is_some_and(|data| !data.is_empty()));
    let data = data.map(Value::to_string);
    let input = case.get("input").map(Value::to_string);
    let workbench = match Workbench::load(&modules, data.as_deref()) {
        Ok(workbench) => workbench,
        Err(refused) => {
            return Ok(Verdict::NotOurs(format!(
                "refused by the check: {}",
                refused.code
            )));
        }
    };
    let ours = workbench.value(path, input.as_deref());
    let fails = text("want_error").is_some() || text("want_error_code").is_some();
    if fails {
        return Ok(match ours {
            Err(_) | Ok(None) => Verdict::Agrees,
            Ok(Some(value)) => Verdict::Differs(format!("an error is wanted, there is {value}")),
        });
    }
    let wanted = case.get("want_result").and_then(Value::as_array);
    let wanted = wanted
        .and_then(|results| results.first())
        .and_then(|result| result.get("x"));
    Ok(match (ours, wanted) {
        (Ok(Some(ours)), Some(wanted))
            if same(&serde_json::from_str(&ours)?, wanted, sorts(case)) =>
        {
            Verdict::Agrees
        }
        // Strict: what OPA makes undefined is an error here, which is a no as well.
        (Ok(None) | Err(_), None) => Verdict::Agrees,
        (ours, wanted) => Verdict::Differs(format!("ours {ours:?}, wanted {wanted:?}")),
    })
}

fn sorts(case: &Value) -> bool {
    case.get("sort_bindings")
        .and_then(Value::as_bool)
        .unwrap_or(false)
}

fn same(left: &Value, right: &Value, in_any_order: bool) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            left == right || left.as_f64() == right.as_f64()
        }
        (Value::Array(left), Value::Array(right)) => {
            let in_order = |left: &[Value], right: &[Value]| {
                left.len() == right.len()
                    && left
                        .iter()
                        .zip(right)
                        .all(|(left, right)| same(left, right, in_any_order))
            };
            if in_any_order {
                let sorted = |items: &[Value]| {
                    let mut items = items.to_vec();
                    items.sort_by_key(ToString::to_string);
                    items
                };
                in_order(&sorted(left), &sorted(right))
            } else {
                in_order(left, right)
            }
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(name, left)| {
                    right
                        .get(name)
                        .is_some_and(|right| same(left, right, in_any_order))
                })
        }
        _ => left == right,
    }
}
