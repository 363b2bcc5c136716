//! Tests of a policy, written in Rego as OPA's are: rules whose names start with `test_`.

use std::time::Duration;

use regorus::{Engine, Value};
use serde::Serialize;

use super::diagnostic::Diagnostic;
use super::engine::{PACKAGE, add, bounded};
use super::lint::{self, Purpose};
use super::tree::{Expr, Head, Module, Rule};

/// How long one test may take. It may ask the policy more than once.
const TEST_LIMIT: Duration = Duration::from_secs(1);

/// Most files of one run.
const MAX_FILES: usize = 100;

/// Prints of one test that are kept.
const MAX_PRINTS: usize = 100;

/// A file of Rego.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Its name, for people.
    pub name: String,
    /// What stands in it.
    pub source: String,
}

/// What a run found.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct SuiteReport {
    /// Findings of the checks, by file. With an error among them no test is run.
    pub findings: Vec<(String, Diagnostic)>,
    /// The tests, in the order in which they stand.
    pub cases: Vec<CaseReport>,
}

/// One test.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct CaseReport {
    /// File.
    pub file: String,
    /// Line of the test.
    pub line: u32,
    /// Full name, such as `data.caracal.policy_test.test_reads`.
    pub name: String,
    /// What came out.
    pub outcome: CaseOutcome,
    /// What it printed.
    pub prints: Vec<String>,
}

/// What came of a test.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "outcome", content = "text")]
pub enum CaseOutcome {
    /// It is true.
    Passed,
    /// It is false or undefined.
    Failed,
    /// It could not be evaluated.
    Error(String),
    /// A `todo_test_`.
    Skipped,
}

impl SuiteReport {
    /// Whether nothing failed, and something was tested.
    #[must_use]
    pub fn is_success(&self) -> bool {
        let fine =
            |case: &CaseReport| matches!(case.outcome, CaseOutcome::Passed | CaseOutcome::Skipped);
        !self.has_errors() && !self.cases.is_empty() && self.cases.iter().all(fine)
    }

    fn has_errors(&self) -> bool {
        self.findings.iter().any(|(_, found)| found.is_error())
    }
}

/// Runs every test of the files. Blocking.
pub(super) fn run(files: &[SourceFile]) -> SuiteReport {
    let mut report = SuiteReport::default();
    let mut engine = match bounded(TEST_LIMIT) {
        Ok(engine) => engine,
        Err(wrong) => {
            report.findings.push((String::new(), wrong));
            return report;
        }
    };
    let mut tests = Vec::new();
    let mut policy: Option<&str> = None;
    if files.len() > MAX_FILES {
        let message = format!("there are {} files, more than {MAX_FILES}", files.len());
        let wrong = Diagnostic::error("files", (1, 1), message, "test fewer files at once");
        report.findings.push((String::new(), wrong));
        return report;
    }
    for file in files {
        let mut found = Vec::new();
        match add(&mut engine, &file.name, &file.source) {
            Ok(module) => {
                let purpose = purpose(&file.name, &module);
                found = lint::check(&module, &file.source, purpose);
                if purpose == Purpose::Policy {
                    if let Some(first) = policy {
                        found.push(Diagnostic::error(
                            "two_policies",
                            module.package.span.place(),
                            format!("{first} is a policy as well"),
                            "a version is one file: test one policy at a time",
                        ));
                    }
                    policy = Some(&file.name);
                }
                tests.extend(cases(&file.name, &module));
            }
            Err(wrong) => found.push(wrong),
        }
        let named = found.into_iter().map(|found| (file.name.clone(), found));
        report.findings.extend(named);
    }
    if report.has_errors() {
        return report;
    }
    report.cases = tests
        .into_iter()
        .map(|test| run_case(&engine, test))
        .collect();
    report
}

/// A file is the policy when it has its package and is not named as a file of tests.
fn purpose(name: &str, module: &Module) -> Purpose {
    let package = module
        .package
        .refr
        .reference()
        .and_then(|name| name.dotted());
    if package.as_deref() == Some(PACKAGE) && !name.ends_with("_test.rego") {
        Purpose::Policy
    } else {
        Purpose::Tests
    }
}

/// A test that waits to be run.
struct Case {
    file: String,
    line: u32,
    name: String,
    is_todo: bool,
}

fn cases(file: &str, module: &Module) -> Vec<Case> {
    let package = module
        .package
        .refr
        .reference()
        .and_then(|name| name.dotted());
    let package = package.unwrap_or_default();
    let mut cases: Vec<Case> = Vec::new();
    for rule in &module.rules {
        let Rule::Spec {
            head:
                Head::Compr {
                    refr: Expr::Var { value, span },
                    ..
                },
            ..
        } = rule
        else {
            continue;
        };
        let is_todo = value.starts_with("todo_test_");
        let name = format!("data.{package}.{value}");
        if (is_todo || value.starts_with("test_")) && !cases.iter().any(|case| case.name == name) {
            cases.push(Case {
                file: file.to_owned(),
                line: span.line,
                name,
                is_todo,
            });
        }
    }
    cases
}

fn run_case(engine: &Engine, case: Case) -> CaseReport {
    let Case {
        file,
        line,
        name,
        is_todo,
    } = case;
    let mut engine = engine.clone();
    let outcome = if is_todo {
        CaseOutcome::Skipped
    } else {
        match engine.eval_rule(name.clone()) {
            Ok(Value::Bool(true)) => CaseOutcome::Passed,
            Ok(Value::Bool(false) | Value::Undefined) => CaseOutcome::Failed,
            Ok(_) => CaseOutcome::Error("a test must be true or false".to_owned()),
            Err(error) => CaseOutcome::Error(Diagnostic::from_compiler(&error.to_string()).message),
        }
    };
    let mut prints = engine.take_prints().unwrap_or_default();
    prints.truncate(MAX_PRINTS);
    CaseReport {
        file,
        line,
        name,
        outcome,
        prints,
    }
}
