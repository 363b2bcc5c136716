use std::fmt::Write as _;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;

mod check;
mod explain;
mod suite;

async fn compile(source: &str) -> Result<CompiledPolicy, PolicyError> {
    PolicyRunner::default().compile(source.into()).await
}

async fn decide(body: &str) -> Result<Decision, EvalError> {
    let source = format!("package caracal.policy\n{body}\n");
    let policy = Arc::new(compile(&source).await.unwrap());
    PolicyRunner::default().evaluate(policy, input()).await
}

fn input() -> InputDocument {
    InputDocument::from(&super::input::sample())
}

fn json_input() -> String {
    serde_json::to_string(&super::input::sample()).unwrap()
}

fn yes() -> Decision {
    Decision::Allow(Narrowing::default())
}

fn no(allow: Answer) -> Decision {
    let reasons = Vec::new();
    Decision::Deny(Denial { allow, reasons })
}

fn denied(reason: &str) -> Decision {
    Decision::Deny(Denial {
        allow: Answer::True,
        reasons: vec![reason.to_owned()],
    })
}

#[tokio::test]
async fn only_a_true_allow_allows() {
    assert_eq!(decide("allow := true").await, Ok(yes()));
    assert_eq!(
        decide("default allow := false").await,
        Ok(no(Answer::False))
    );
    let other = "allow if input.zone == \"other\"";
    assert_eq!(decide(other).await, Ok(no(Answer::Undefined)));
    // What the check cannot know shows when the policy is asked, and is a no.
    for (body, error) in [
        (
            "allow := x if x := object.get(v, \"k\", true)\nv := {\"k\": 1} if input.zone != \"b\"",
            EvalError::AllowType,
        ),
        ("allow if to_number(input.zone) > 0", EvalError::Failed),
    ] {
        let source = format!("package caracal.policy\n{body}\n");
        match compile(&source).await {
            Ok(policy) => {
                let runner = PolicyRunner::default();
                let decided = runner.evaluate(Arc::new(policy), input()).await;
                assert_eq!(decided, Err(error), "{body}");
            }
            Err(PolicyError::Refused(found)) => assert_eq!(found[0].code, "result_shape"),
            Err(other) => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn a_policy_reads_every_member_of_the_input() {
    let source = r#"
        allow if {
            input.zone == "acme"
            input.application == {"name": "payout", "spiffe_id": "spiffe://corp.example/ns/agents/sa/payout"}
            input.resource == {"name": "bank", "uri": "https://bank.internal"}
            input.operation == {"name": "read-account", "method": "GET", "path": "/accounts/{id}"}
            input.scopes == ["accounts:read"]
            startswith(input.grant.id, "grt_")
            input.subject.type == "user"
            input.delegation == ["payout"]
            input.request == {"method": "GET", "path": "/accounts/42", "host": "bank.internal"}
            input.now == 1767225600
        }"#;
    assert_eq!(decide(source).await, Ok(yes()));
}

#[tokio::test]
async fn any_denial_outweighs_an_allow() {
    let frozen = "allow := true\ndeny contains \"frozen\" if input.zone == \"acme\"";
    assert_eq!(decide(frozen).await, Ok(denied("frozen")));
    let other = "allow := true\ndeny contains \"x\" if input.zone == \"b\"";
    assert_eq!(decide(other).await, Ok(yes()));
    let nameless = "allow := true\ndeny contains \"\"";
    assert_eq!(decide(nameless).await, Ok(denied("")));
    let array = "allow := true\ndeny := [\"a\"] if input.zone == \"acme\"";
    assert_eq!(decide(array).await, Ok(denied("a")));
}

#[tokio::test]
async fn a_yes_can_be_narrowed() {
    let body = "allow := true\nmax_lifetime := 60\nscopes contains \"accounts:read\"";
    let narrowing = Narrowing {
        max_lifetime: Some(60),
        scopes: Some(["accounts:read".to_owned()].into()),
    };
    assert_eq!(decide(body).await, Ok(Decision::Allow(narrowing)));
    // A policy that has `scopes` and names none takes all of them.
    let none = "allow := true\nscopes contains \"x\" if input.zone == \"b\"";
    let narrowing = Narrowing {
        max_lifetime: None,
        scopes: Some(std::collections::BTreeSet::new()),
    };
    assert_eq!(decide(none).await, Ok(Decision::Allow(narrowing)));
}

#[tokio::test]
async fn a_policy_that_does_not_end_is_stopped() {
    let body = "allow if { some i in numbers.range(1, 9000); some j in numbers.range(1, 9000); i * j == 0 }";
    assert_eq!(decide(body).await, Err(EvalError::TimedOut));
    let body = "allow if count(numbers.range(1, 5000000)) > 0";
    assert_eq!(decide(body).await, Err(EvalError::Failed));
    let range = "allow if { numbers.range(1, 3) == [1, 2, 3]; numbers.range(3, 1) == [3, 2, 1] }";
    assert_eq!(decide(range).await, Ok(yes()));
}

#[tokio::test]
async fn the_deepest_policy_that_is_taken_runs_on_an_ordinary_thread() {
    // Rules that rest on each other as deep as allowed, each with an expression as deep as allowed.
    let mut source = String::from("package caracal.policy\nallow if r0 > 0\n");
    let sum = " + 1".repeat(40);
    for at in 0..29 {
        let next = at + 1;
        _ = writeln!(source, "r{at} := r{next}{sum}");
    }
    source.push_str("r29 := 1\n");
    let policy = compile(&source).await.unwrap();
    let runner = PolicyRunner::default();
    assert_eq!(runner.evaluate(Arc::new(policy), input()).await, Ok(yes()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_source_ends_the_check_otherwise_than_with_a_report(
        pieces in proptest::collection::vec(prop_oneof![
            Just("package caracal.policy\n"), Just("allow if {"), Just("}"), Just("["), Just("]"), Just("("), Just(")"),
            Just("{"), Just("input"), Just(".zone"), Just("\n"), Just(" := "), Just("deny contains "), Just("\"a\""),
            Just("not "), Just("some x in "), Just("every y in "), Just(" | "), Just("1"), Just("-"), Just("+ 1"),
            Just(" in "), Just("else "), Just("`"), Just("\""), Just("#"), Just(","), Just(":"), Just("default "),
            Just("regex.match("), Just("sprintf(\"%s\", "), Just("ü"), Just("\\"), Just("with input as "),
        ], 0..60)
    ) {
        let source = format!("package caracal.policy\nallow := true\n{}", pieces.concat());
        let checked = super::engine::check(&source);
        prop_assert_eq!(checked.policy.is_none(), checked.diagnostics.iter().any(Diagnostic::is_error));
    }

    #[test]
    fn no_text_at_all_makes_the_check_panic(source in "\\PC{0,200}") {
        let checked = super::engine::check(&source);
        prop_assert!(checked.policy.is_none());
        prop_assert!(!checked.diagnostics.is_empty());
    }
}
