//! Decisions, explanations and test results, for people.

use std::fmt::Write as _;

use caracal_sts::policy::{
    CaseOutcome, Decision, EvalError, Explanation, RuleTrace, StepTrace, SuiteReport,
};

/// The decision in a line.
pub(super) fn decision(decided: Result<&Decision, &EvalError>) -> String {
    match decided {
        Ok(Decision::Allow(narrowing)) => {
            let mut text = "allow".to_owned();
            if let Some(seconds) = narrowing.max_lifetime {
                let _infallible = write!(text, ", for at most {seconds} s");
            }
            if let Some(scopes) = &narrowing.scopes {
                let scopes: Vec<_> = scopes.iter().map(String::as_str).collect();
                let _infallible =
                    write!(text, ", with nothing but the scopes [{}]", scopes.join(" "));
            }
            text
        }
        Ok(Decision::Deny(denial)) => format!("deny: {denial}"),
        Err(error) => format!("deny: {error}"),
    }
}

/// Decision, then each rule and where its bodies ended.
pub(super) fn explanation(explanation: &Explanation, name: &str) -> String {
    let Explanation {
        policy: _,
        decision: decided,
        failure,
        rules,
    } = explanation;
    let mut text = match (decided, failure) {
        (Some(decided), _) => decision(Ok(decided)),
        (None, Some(failure)) => format!("deny: {failure}"),
        (None, None) => "deny".to_owned(),
    };
    for rule in rules {
        self::rule(&mut text, rule, name);
    }
    text
}

fn rule(text: &mut String, rule: &RuleTrace, name: &str) {
    let RuleTrace {
        name: rule,
        value,
        error,
        bodies,
    } = rule;
    let value = match (value, error) {
        (_, Some(error)) => format!("has no value: {error}"),
        (Some(value), None) => format!("is {value}"),
        (None, None) => "is undefined".to_owned(),
    };
    // Writing to a String cannot fail.
    let _infallible = write!(text, "\n{rule} {value}");
    for body in bodies {
        let _infallible = match &body.stopped {
            None => write!(text, "\n  {name}:{}: holds", body.line),
            Some(StepTrace {
                line,
                column,
                text: step,
                saw,
            }) => {
                let step: Vec<&str> = step.split_whitespace().collect();
                let mut told = write!(
                    text,
                    "\n  {name}:{line}:{column}: ended at `{}`",
                    step.join(" ")
                );
                for seen in saw {
                    let value = seen.value.as_ref();
                    let value = value.map_or_else(|| "undefined".to_owned(), ToString::to_string);
                    told = told.and(write!(text, "\n      {} = {value}", seen.name));
                }
                told
            }
        };
    }
}

/// Findings, failures, and the count.
pub(super) fn suite(suite: &SuiteReport) -> String {
    let mut text = String::new();
    for (file, found) in &suite.findings {
        let _infallible = writeln!(text, "{file}:{found}");
    }
    let (mut passed, mut failed, mut skipped) = (0_usize, 0_usize, 0_usize);
    for case in &suite.cases {
        let (word, detail) = match &case.outcome {
            CaseOutcome::Passed => {
                passed = passed.saturating_add(1);
                continue;
            }
            CaseOutcome::Skipped => {
                skipped = skipped.saturating_add(1);
                ("SKIPPED", String::new())
            }
            CaseOutcome::Failed => {
                failed = failed.saturating_add(1);
                ("FAILED", String::new())
            }
            CaseOutcome::Error(error) => {
                failed = failed.saturating_add(1);
                ("ERROR", format!(": {error}"))
            }
        };
        let _infallible = writeln!(
            text,
            "{}:{}: {word} {}{detail}",
            case.file, case.line, case.name
        );
        for print in &case.prints {
            let _infallible = writeln!(text, "  {print}");
        }
    }
    if suite.cases.is_empty() {
        text.push_str("no test was run: tests are rules whose names start with test_\n");
    }
    let _infallible = write!(text, "{passed} passed, {failed} failed, {skipped} skipped");
    text
}
