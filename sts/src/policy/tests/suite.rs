use super::*;

async fn run(tests: &str) -> SuiteReport {
    let file = |name: &str, source: &str| SourceFile {
        name: name.to_owned(),
        source: source.to_owned(),
    };
    let policy = "package caracal.policy\nallow if input.application.name == \"payout\"\n";
    let files = vec![file("policy.rego", policy), file("policy_test.rego", tests)];
    PolicyRunner::default().test(files).await.unwrap()
}

#[tokio::test]
async fn tests_pass_fail_and_wait_as_in_opa() {
    let report = run(r#"package caracal.policy_test
import data.caracal.policy
test_allows if policy.allow with input as {"application": {"name": "payout"}}
test_full_path if data.caracal.policy.allow with input.application.name as "payout"
test_fails if policy.allow with input as {"application": {"name": "x"}}
test_prints if { print("seen"); 1 == 1 }
test_error if to_number("x") == 1
todo_test_later if false
helper := 1
"#)
    .await;
    assert_eq!(report.findings, Vec::new());
    let outcomes: Vec<_> = report.cases.iter().map(|case| &case.outcome).collect();
    assert!(
        matches!(
            outcomes[..],
            [
                CaseOutcome::Passed,
                CaseOutcome::Passed,
                CaseOutcome::Failed,
                CaseOutcome::Passed,
                CaseOutcome::Error(_),
                CaseOutcome::Skipped
            ]
        ),
        "{outcomes:?}"
    );
    assert!(
        report.cases[3].prints[0].contains("seen"),
        "{:?}",
        report.cases[3].prints
    );
    assert!(!report.is_success());
}

#[tokio::test]
async fn a_test_in_the_policys_own_package_sees_its_rules() {
    let report =
        run("package caracal.policy\ntest_no if not allow with input as {\"zone\": \"a\"}\n").await;
    assert_eq!(report.cases[0].outcome, CaseOutcome::Passed, "{report:?}");
    assert!(report.is_success());
}

#[tokio::test]
async fn a_typo_in_the_input_of_a_test_is_an_error() {
    let report =
        run("package t\ntest_a if data.caracal.policy.allow with input as {\"aplication\": {}}\n")
            .await;
    assert_eq!(report.findings[0].1.code, "unknown_input");
    assert!(!report.is_success());
}

#[tokio::test]
async fn nothing_tested_is_no_success() {
    assert!(!run("package t\nx := 1\n").await.is_success());
}
