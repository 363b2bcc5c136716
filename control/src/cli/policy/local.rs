//! What needs no server: the same check and the same evaluation, in this process.

use std::path::PathBuf;
use std::sync::Arc;

use caracal_sts::policy::{InputDocument, PolicyError, PolicyRunner};
use serde_json::json;

use super::super::error::CliError;
use super::super::output::Output;
use super::report;
use super::{Case, files};

pub(super) async fn check(paths: &[PathBuf], output: &Output) -> Result<(), CliError> {
    let runner = PolicyRunner::default();
    let mut is_refused = false;
    let mut reports = Vec::new();
    for path in paths {
        let source = files::read(path)?;
        let name = path.display().to_string();
        let checked = runner.check(source.as_str().into()).await;
        let checked = checked.map_err(|error| failure(&name, &error))?;
        is_refused |= checked.policy.is_none();
        let digest = checked
            .policy
            .as_ref()
            .map(|policy| policy.digest().as_str());
        if output.is_json() {
            reports.push(json!({
                "file": name, "digest": digest, "diagnostics": checked.diagnostics,
            }));
            continue;
        }
        for found in &checked.diagnostics {
            output.line(&format!("{name}:{found}"))?;
        }
        if let Some(digest) = digest {
            output.line(&format!("{name}: ok, {digest}"))?;
        }
    }
    if output.is_json() {
        output.json(&json!({ "items": reports }))?;
    }
    if is_refused {
        Err(CliError::Reported)
    } else {
        Ok(())
    }
}

pub(super) async fn test(paths: &[PathBuf], output: &Output) -> Result<(), CliError> {
    let files = files::gather(paths)?;
    let ran = PolicyRunner::default().test(files).await;
    let suite = ran.map_err(|error| failure("the tests", &error))?;
    if output.is_json() {
        output.json(&json!(suite))?;
    } else {
        output.line(&report::suite(&suite))?;
    }
    if suite.is_success() {
        Ok(())
    } else {
        Err(CliError::Reported)
    }
}

pub(super) async fn simulate(case: &Case, output: &Output) -> Result<(), CliError> {
    let Case {
        name,
        source,
        input,
    } = case;
    let runner = PolicyRunner::default();
    // The explanation refuses inputs that no request could have.
    let explanation = runner.explain(source.as_str().into(), input.clone()).await;
    explanation.map_err(|error| failure(name, &error))?;
    let policy = runner.compile(source.as_str().into()).await;
    let policy = policy.map_err(|error| failure(name, &error))?;
    let decided = match InputDocument::from_json(input) {
        Ok(input) => runner.evaluate(Arc::new(policy), input).await,
        Err(error) => Err(error),
    };
    if output.is_json() {
        return match decided {
            Ok(decision) => output.json(&json!(decision)),
            Err(error) => output.json(&json!({"decision": "deny", "failure": error.to_string()})),
        };
    }
    output.line(&report::decision(decided.as_ref()))
}

pub(super) async fn explain(case: &Case, output: &Output) -> Result<(), CliError> {
    let Case {
        name,
        source,
        input,
    } = case;
    let runner = PolicyRunner::default();
    let explanation = runner.explain(source.as_str().into(), input.clone()).await;
    let explanation = explanation.map_err(|error| failure(name, &error))?;
    if output.is_json() {
        output.json(&json!(explanation))
    } else {
        output.line(&report::explanation(&explanation, name))
    }
}

fn failure(name: &str, error: &PolicyError) -> CliError {
    CliError::Failure(format!("{name}: {error}"))
}
