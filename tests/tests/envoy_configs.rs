//! The configurations that we ship are ones that Envoy takes, and mistakes in them are not.

use anyhow::Result;
use caracal_tests::stack::Stack;
use caracal_tests::stack::envoy::{Mode, Rendered, Role, validate, without_filter};
use caracal_tests::stack::identity::spiffe_id;

async fn rendered(stack: &Stack, role: Role) -> Result<Rendered> {
    rendered_in(stack, Mode::Enforce, role).await
}

async fn rendered_in(stack: &Stack, mode: Mode, role: Role) -> Result<Rendered> {
    let domains = ("RESOURCE_DOMAINS", "a.internal, b.internal".to_owned());
    let settings = match role {
        Role::Agent => vec![
            ("RESOURCE_PORT", "19001".to_owned()),
            ("RESOURCE_SPIFFE_ID", spiffe_id("bank-proxy")?),
        ],
        Role::Resource | Role::Gateway => vec![domains, ("UPSTREAM_PORT", "19002".to_owned())],
    };
    let instance = format!("{}-{mode:?}", role.as_str());
    stack.render_in(mode, role, &instance, &settings).await
}

#[tokio::test]
async fn every_configuration_is_one_that_envoy_takes() {
    let stack = Stack::start().await.unwrap();
    for role in Role::ALL {
        for mode in [Mode::Enforce, Mode::Shadow, Mode::Native] {
            let file = rendered_in(&stack, mode, role).await.unwrap();
            assert_eq!(
                validate(&stack.parts, &file.path).await.unwrap(),
                None,
                "{role:?} {mode:?}"
            );
        }
    }
}

#[tokio::test]
async fn enforcement_and_shadow_differ_in_three_places_that_are_never_set_apart() {
    let stack = Stack::start().await.unwrap();
    let places = [
        ["\"mode\": \"enforce\"", "\"mode\": \"shadow\""],
        [" rules:", " shadow_rules:"],
        ["failure_policy: FAIL_RELOAD", "failure_policy: FAIL_OPEN"],
    ];
    for role in Role::ALL {
        for (at, mode) in [Mode::Enforce, Mode::Shadow].into_iter().enumerate() {
            let file = rendered_in(&stack, mode, role).await.unwrap();
            let text = tokio::fs::read_to_string(&file.path).await.unwrap();
            for place in places {
                assert_eq!(text.matches(place[at]).count(), 1, "{role:?} {mode:?}");
                assert!(!text.contains(place[1 - at]), "{role:?} {mode:?}");
            }
        }
    }
    let alone = [("MODE", "shadow".to_owned())];
    assert!(stack.render(Role::Agent, "alone", &alone).await.is_err());
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

#[tokio::test]
async fn without_wasm_the_same_configuration_asks_the_token_service_and_fails_closed() {
    let stack = Stack::start().await.unwrap();
    for role in Role::ALL {
        let file = rendered_in(&stack, Mode::Native, role).await.unwrap();
        let text = tokio::fs::read_to_string(&file.path).await.unwrap();
        assert!(!text.contains("filters.http.wasm"), "{role:?}");
        for closed in [
            "failure_mode_allow: false",
            "encode_raw_headers: true",
            "action: ALLOW",
            "filter: envoy.filters.http.ext_authz",
        ] {
            assert_eq!(text.matches(closed).count(), 1, "{role:?} {closed}");
        }
        for open in ["with_request_body", "allowed_headers", "shadow"] {
            assert!(!text.contains(&format!("{open}:")), "{role:?} {open}");
        }
    }
}
