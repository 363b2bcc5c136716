//! The configurations that we ship are ones that Envoy takes, and mistakes in them are not.

use anyhow::Result;
use caracal_tests::stack::Stack;
use caracal_tests::stack::envoy::{Rendered, Role, validate, without_filter};
use caracal_tests::stack::identity::spiffe_id;

async fn rendered(stack: &Stack, role: Role) -> Result<Rendered> {
    let domains = ("RESOURCE_DOMAINS", "a.internal, b.internal".to_owned());
    let settings = match role {
        Role::Agent => vec![
            ("RESOURCE_PORT", "19001".to_owned()),
            ("RESOURCE_SPIFFE_ID", spiffe_id("bank-proxy")?),
        ],
        Role::Resource | Role::Gateway => vec![domains, ("UPSTREAM_PORT", "19002".to_owned())],
    };
    stack.render(role, role.as_str(), &settings).await
}

#[tokio::test]
async fn every_configuration_is_one_that_envoy_takes() {
    let stack = Stack::start().await.unwrap();
    for role in Role::ALL {
        let file = rendered(&stack, role).await.unwrap();
        assert_eq!(
            validate(&stack.parts, &file.path).await.unwrap(),
            None,
            "{role:?}"
        );
    }
}

#[tokio::test]
async fn an_unknown_field_in_the_filters_configuration_is_refused() {
    let stack = Stack::start().await.unwrap();
    for role in Role::ALL {
        let file = rendered(&stack, role).await.unwrap();
        let typo = |text: &str| {
            Ok(text.replace(
                "\"audit\": \"required\"",
                "\"audit\": \"required\", \"leese_ms\": 1",
            ))
        };
        let file = file.edited(typo).await.unwrap();
        let complaint = validate(&stack.parts, &file.path).await.unwrap();
        assert!(
            complaint.is_some_and(|text| text.contains("Unable to create Wasm plugin")),
            "{role:?}"
        );
    }
}

#[tokio::test]
async fn a_call_that_is_not_in_the_capabilities_does_not_exist_for_the_filter() {
    let stack = Stack::start().await.unwrap();
    let file = rendered(&stack, Role::Resource).await.unwrap();
    let text = tokio::fs::read_to_string(&file.path).await.unwrap();
    for unused in [
        "proxy_http_call",
        "proxy_set_shared_data",
        "proxy_enqueue_shared_queue",
    ] {
        assert!(!text.contains(unused), "{unused}");
    }
}

#[tokio::test]
async fn the_allow_mark_is_new_in_every_rendering_and_never_logged() {
    let stack = Stack::start().await.unwrap();
    let mark = |text: &str| {
        text.split("\"allow_mark\": \"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap()
            .to_owned()
    };
    let mut marks = Vec::new();
    for _ in 0..2 {
        let file = rendered(&stack, Role::Resource).await.unwrap();
        let text = tokio::fs::read_to_string(&file.path).await.unwrap();
        assert_eq!(
            text.matches(&mark(&text)).count(),
            2,
            "once in the filter, once in the net"
        );
        marks.push(mark(&text));
    }
    assert_ne!(marks.first(), marks.last());
}

#[tokio::test]
async fn taking_the_filter_out_leaves_the_net() {
    let stack = Stack::start().await.unwrap();
    for role in Role::ALL {
        let file = rendered(&stack, role)
            .await
            .unwrap()
            .edited(without_filter)
            .await
            .unwrap();
        let text = tokio::fs::read_to_string(&file.path).await.unwrap();
        assert!(!text.contains("envoy.extensions.filters.http.wasm"));
        assert!(text.contains("envoy.extensions.filters.http.rbac"));
        assert_eq!(
            validate(&stack.parts, &file.path).await.unwrap(),
            None,
            "{role:?}"
        );
    }
}
