use super::*;

async fn explained(body: &str) -> Explanation {
    let source = format!("package caracal.policy\n{body}\n");
    let runner = PolicyRunner::default();
    runner
        .explain(source.as_str().into(), json_input())
        .await
        .unwrap()
}

#[tokio::test]
async fn an_explanation_names_the_step_that_failed_and_what_it_saw() {
    let told =
        explained("allow if {\n\tinput.zone == \"acme\"\n\tinput.resource.name == \"vault\"\n}")
            .await;
    assert_eq!(told.decision, Some(no(Answer::Undefined)));
    let step = told.rules[0].bodies[0].stopped.as_ref().unwrap();
    assert_eq!(
        (step.line, step.text.as_str()),
        (4, "input.resource.name == \"vault\"")
    );
    assert_eq!(step.saw[0].name, "input.resource.name");
    assert_eq!(step.saw[0].value, Some("bank".into()));
}

#[tokio::test]
async fn an_explanation_goes_on_into_the_rule_that_was_undefined() {
    let told = explained("allow if trusted\ntrusted if input.subject.acr == \"none\"").await;
    let names: Vec<_> = told.rules.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names, ["allow", "trusted"]);
    assert_eq!(
        told.rules[0].bodies[0].stopped.as_ref().unwrap().saw[0].value,
        None
    );
}

#[tokio::test]
async fn an_explanation_gives_the_grounds_of_a_denial() {
    let told = explained("allow := true\ndeny contains \"frozen\" if input.zone == \"acme\"").await;
    assert_eq!(told.rules[0].name, "deny");
    assert_eq!(told.rules[0].value, Some(serde_json::json!(["frozen"])));
    assert_eq!(told.rules[0].bodies[0].stopped, None);
}

#[tokio::test]
async fn an_input_with_a_typo_is_not_explained() {
    let source = "package caracal.policy\nallow := true".into();
    let wrong = PolicyRunner::default()
        .explain(source, "{\"aplication\": {}}".to_owned())
        .await;
    assert!(matches!(wrong, Err(PolicyError::Input(_))), "{wrong:?}");
}
