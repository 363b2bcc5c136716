use std::sync::Arc;

use super::*;
use crate::clock::{Clock as _, SystemClock};

async fn compile(source: &str) -> Result<CompiledPolicy, PolicyError> {
    PolicyRunner::default().compile(source.into()).await
}

async fn decide(body: &str) -> Result<Decision, EvalError> {
    let source = format!("package caracal.policy\n{body}\n");
    let policy = Arc::new(compile(&source).await.unwrap());
    PolicyRunner::default().evaluate(policy, input()).await
}

fn input() -> String {
    let input = PolicyInput {
        zone: "acme",
        application: ApplicationInput {
            name: "payout",
            spiffe_id: "spiffe://d/payout",
        },
        resource: ResourceInput {
            name: "bank",
            uri: "https://bank.internal",
        },
        operation: Some(OperationInput {
            name: "read",
            method: "GET",
            path: "/accounts/{id}".to_owned(),
        }),
        scopes: vec!["accounts:read"],
        grant: GrantInput { id: "grt_1" },
        request: RequestInput {
            method: "GET",
            path: "/accounts/42",
            host: "bank.internal",
        },
        now: 1_767_225_600,
    };
    serde_json::to_string(&input).unwrap()
}

const YES: Result<Decision, EvalError> = Ok(Decision::Allow { max_lifetime: None });
const NO: Result<Decision, EvalError> = Ok(Decision::Deny {
    reasons: Vec::new(),
});

#[tokio::test]
async fn only_a_true_allow_allows() {
    assert_eq!(decide("allow := true").await, YES);
    assert_eq!(decide("default allow := false").await, NO);
    assert_eq!(decide("allow if input.zone == \"other\"").await, NO);
    assert_eq!(decide("allow if input.typo.here == 1").await, NO);
    assert_eq!(decide("allow := \"true\"").await, Err(EvalError::AllowType));
    assert_eq!(decide("allow := 1").await, Err(EvalError::AllowType));
    assert_eq!(
        decide("allow contains \"x\"").await,
        Err(EvalError::AllowType)
    );
    assert_eq!(
        decide("allow if to_number(input.zone) > 0").await,
        Err(EvalError::Failed)
    );
}

#[tokio::test]
async fn a_policy_reads_every_member_of_the_input() {
    let source = r#"
        allow if {
            input.zone == "acme"
            input.application == {"name": "payout", "spiffe_id": "spiffe://d/payout"}
            input.resource == {"name": "bank", "uri": "https://bank.internal"}
            input.operation == {"name": "read", "method": "GET", "path": "/accounts/{id}"}
            input.scopes == ["accounts:read"]
            input.grant.id == "grt_1"
            input.request == {"method": "GET", "path": "/accounts/42", "host": "bank.internal"}
            input.now == 1767225600
        }"#;
    assert_eq!(decide(source).await, YES);
}

#[tokio::test]
async fn any_denial_outweighs_an_allow() {
    let denied = decide("allow := true\ndeny contains \"frozen\" if input.zone == \"acme\"").await;
    assert_eq!(
        denied,
        Ok(Decision::Deny {
            reasons: vec!["frozen".to_owned()]
        })
    );
    assert_eq!(
        decide("allow := true\ndeny contains \"x\" if input.zone == \"b\"").await,
        YES
    );
    let nameless = decide("allow := true\ndeny contains \"\"").await;
    assert_eq!(
        nameless,
        Ok(Decision::Deny {
            reasons: vec![String::new()]
        })
    );
    assert_eq!(
        decide("allow := true\ndeny := true").await,
        Err(EvalError::DenyType)
    );
    assert_eq!(
        decide("allow := true\ndeny contains 1").await,
        Err(EvalError::DenyType)
    );
}

#[tokio::test]
async fn a_lifetime_is_a_positive_whole_number() {
    let allowed = decide("allow := true\nmax_lifetime := 60").await;
    assert_eq!(
        allowed,
        Ok(Decision::Allow {
            max_lifetime: Some(60)
        })
    );
    for wrong in ["0", "-1", "1.5", "\"60\"", "[60]"] {
        let decided = decide(&format!("allow := true\nmax_lifetime := {wrong}")).await;
        assert_eq!(decided, Err(EvalError::LifetimeType), "{wrong}");
    }
}

#[tokio::test]
async fn a_policy_that_does_not_end_is_stopped() {
    let clock = SystemClock::new();
    let body = "allow if { some i in numbers.range(1, 9000); some j in numbers.range(1, 9000); i * j == 0 }";
    assert_eq!(decide(body).await, Err(EvalError::Failed));
    assert!(clock.monotonic_ms() < 2000);
    let body = "allow if count(numbers.range(1, 5000000)) > 0";
    assert_eq!(decide(body).await, Err(EvalError::Failed));
}

#[tokio::test]
async fn a_capped_range_is_the_range() {
    assert_eq!(
        decide("allow if numbers.range(1, 3) == [1, 2, 3]").await,
        YES
    );
    assert_eq!(
        decide("allow if numbers.range(3, 1) == [3, 2, 1]").await,
        YES
    );
}

#[tokio::test]
async fn refuses_sources_that_are_no_policy() {
    let package = |name: &str| format!("package {name}\nallow := true");
    assert!(matches!(
        compile(&package("other")).await,
        Err(PolicyError::Package(_))
    ));
    assert!(matches!(
        compile(&package("caracal.policy.sub")).await,
        Err(PolicyError::Package(_))
    ));
    let no_allow = compile("package caracal.policy\nallows := true").await;
    assert!(matches!(no_allow, Err(PolicyError::NoAllow)));
    for broken in [
        "",
        "allow := true",
        "package caracal.policy\nallow if x",
        "package caracal.policy\nallow := \"open",
    ] {
        assert!(
            matches!(compile(broken).await, Err(PolicyError::Invalid(_))),
            "{broken}"
        );
    }
    let long = format!(
        "package caracal.policy\nallow := true\n{}",
        "#\n".repeat(40_000)
    );
    assert!(matches!(compile(&long).await, Err(PolicyError::TooLong(_))));
}

#[tokio::test]
async fn a_nesting_bomb_is_refused_at_once() {
    let clock = SystemClock::new();
    let bomb = format!(
        "package caracal.policy\nallow := {}{}",
        "[".repeat(31),
        "]".repeat(31)
    );
    let refused = compile(&bomb).await;
    assert!(matches!(
        refused,
        Err(PolicyError::TooNested { line: 2, max: 6 })
    ));
    assert!(clock.monotonic_ms() < 100);
}

#[tokio::test]
async fn a_policy_has_no_network() {
    let source = "package caracal.policy\nallow if http.send({\"method\": \"get\", \"url\": \"http://x\"}).status_code == 200";
    let Ok(policy) = compile(source).await else {
        return;
    };
    assert_eq!(
        PolicyRunner::default()
            .evaluate(Arc::new(policy), input())
            .await,
        Err(EvalError::Failed)
    );
}
