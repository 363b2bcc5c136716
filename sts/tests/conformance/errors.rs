//! What is refused, and with which code: RFC 6749 §5.2, RFC 8693 §2.2.2, RFC 8707 §2.

use crate::support::{BANK, PAYOUT_BASIC, WORKER_BASIC, World, now};

const GRANT: (&str, &str) = ("grant_type", "client_credentials");

/// Asserts that a target is one that nothing is issued for.
async fn is_no_target(world: &World, parameters: &[(&str, &str)]) {
    let reply = world.issue(parameters, PAYOUT_BASIC).await;
    reply.refuses(400, "invalid_target");
}

#[tokio::test]
async fn rfc8707_s2_a_resource_is_an_absolute_uri_without_a_fragment() {
    let world = World::start().await;
    for resource in [
        "bank.internal",
        "/accounts",
        "//bank.internal",
        "https://bank.internal#f",
    ] {
        is_no_target(&world, &[("resource", resource)]).await;
    }
}

#[tokio::test]
async fn rfc8707_s2_an_unknown_resource_is_invalid_target() {
    let world = World::start().await;
    is_no_target(&world, &[("resource", "https://other.internal")]).await;
    is_no_target(&world, &[("resource", "urn:bank")]).await;
    is_no_target(&world, &[]).await;
}

#[tokio::test]
async fn rfc8707_s2_1_a_resource_is_named_exactly_as_it_is_registered() {
    let world = World::start().await;
    for resource in [
        "https://BANK.internal",
        "HTTPS://bank.internal",
        "https://bank.internal/",
        "https://bank.internal:443",
        "https://user@bank.internal",
        "http://bank.internal",
        "https://bank.internal?x=1",
        "https://b\u{61}nk.internal.",
    ] {
        is_no_target(&world, &[("resource", resource)]).await;
    }
}

#[tokio::test]
async fn rfc8707_s2_a_request_for_several_targets_is_invalid_target() {
    let world = World::start().await;
    for more in [
        [("resource", BANK), ("resource", BANK)],
        [("audience", "bank"), ("audience", "mail")],
        [("resource", BANK), ("audience", "mail")],
    ] {
        is_no_target(&world, &more).await;
    }
}

#[tokio::test]
async fn rfc8693_s2_1_audience_names_the_same_target_by_its_registered_name() {
    let world = World::start().await;
    for target in [
        vec![("audience", "bank")],
        vec![("resource", BANK), ("audience", "bank")],
    ] {
        let parameters = [&[GRANT][..], &target].concat();
        assert_eq!(world.token(&parameters, PAYOUT_BASIC).await.status, 200);
    }
    for audience in ["nobody", "https://bank.internal", "Bank"] {
        world
            .token(&[GRANT, ("audience", audience)], PAYOUT_BASIC)
            .await
            .refuses(400, "invalid_target");
    }
}

/// Asserts that a scope is one that nothing is issued with.
async fn is_no_scope(world: &World, scope: &str) {
    let reply = world
        .issue(&[("resource", BANK), ("scope", scope)], PAYOUT_BASIC)
        .await;
    reply.refuses(400, "invalid_scope");
}

#[tokio::test]
async fn rfc6749_s5_2_scopes_beyond_the_grant_are_invalid_scope_and_nothing_is_issued() {
    let world = World::start().await;
    for scope in [
        "accounts:write",
        "accounts:read accounts:write",
        "mail:send",
    ] {
        is_no_scope(&world, scope).await;
    }
}

#[tokio::test]
async fn rfc6749_s5_2_a_malformed_scope_is_invalid_scope() {
    let world = World::start().await;
    for scope in [
        "accounts:read  payments:write",
        "accounts:read accounts:read",
        "accounts:*",
        "*",
        "\"",
        "\\",
        " accounts:read",
        "accounts:read ",
    ] {
        is_no_scope(&world, scope).await;
    }
}

#[tokio::test]
async fn rfc6749_s3_3_the_order_of_scopes_does_not_matter() {
    let world = World::start().await;
    for scope in [
        "payments:write accounts:read",
        "accounts:read payments:write",
    ] {
        let reply = world
            .issue(&[("resource", BANK), ("scope", scope)], PAYOUT_BASIC)
            .await;
        assert_eq!(reply.json()["scope"], "accounts:read payments:write");
    }
}

#[tokio::test]
async fn rfc6749_s3_3_scopes_are_case_sensitive() {
    let world = World::start().await;
    is_no_scope(&world, "Accounts:read").await;
    is_no_scope(&world, "ACCOUNTS:READ").await;
}

#[tokio::test]
async fn without_a_live_grant_there_is_no_mandate_whatever_the_policy_says() {
    let world = World::start().await;
    let ask = async || {
        world
            .token(
                &[GRANT, ("resource", BANK), ("scope", "accounts:read")],
                WORKER_BASIC,
            )
            .await
    };
    ask().await.refuses(400, "invalid_target");
    assert_eq!(ask().await.header("x-caracal-reason"), Some("no_grant"));
    world
        .grant(
            "grt_past",
            "worker",
            "bank",
            "accounts:read",
            Some(now() - 1),
        )
        .await;
    ask().await.refuses(400, "invalid_target");
    world
        .grant(
            "grt_worker",
            "worker",
            "bank",
            "accounts:read",
            Some(now() + 100),
        )
        .await;
    let reply = ask().await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert!(
        reply.json()["expires_in"].as_u64().unwrap() <= 100,
        "a mandate ends with its grant"
    );
    world.revoke("grant/grt_worker").await;
    ask().await.refuses(400, "invalid_target");
}

#[tokio::test]
async fn rfc8693_s2_2_2_what_the_policy_denies_is_an_unwilling_target() {
    let world = World::start().await;
    let reply = world
        .token(&[GRANT, ("audience", "mail")], PAYOUT_BASIC)
        .await;
    reply.refuses(400, "invalid_target");
    assert_eq!(reply.json()["reason"], "policy_denied");
    let event = &world.events().await[0];
    assert_eq!(
        (event.outcome, event.application.as_deref()),
        (caracal_mandate::event::Outcome::Deny, Some("payout"))
    );
    assert_eq!(event.resource.as_deref(), Some("https://mail.internal"));
}

#[tokio::test]
async fn when_nobody_can_say_yes_the_answer_says_when_to_come_back() {
    let world = World::start().await;
    world.store.close().await;
    let mut reply = world
        .token(&[GRANT, ("resource", BANK)], PAYOUT_BASIC)
        .await;
    let start = std::time::Duration::from_millis(100);
    // The lease has to run out first.
    for _ in 0..50 {
        if reply.status == 503 {
            break;
        }
        tokio::time::sleep(start).await;
        reply = world
            .token(&[GRANT, ("resource", BANK)], PAYOUT_BASIC)
            .await;
    }
    reply.refuses(503, "temporarily_unavailable");
    assert_eq!(reply.header("retry-after"), Some("1"));
}
