//! What a protected resource answers: RFC 6750, by Envoy's `Check` for a point that guards one.

use std::time::Duration;

use crate::support::jwt::claims;
use crate::support::{BANK, Checked, DELEGATION, PAYOUT, PAYOUT_BASIC, WORKER, World, challenge};

/// Status, challenge and `error` of the body of a refusal.
#[track_caller]
fn refusal(checked: Checked) -> (i32, Option<String>, String) {
    match checked {
        Checked::Refused {
            status,
            challenge,
            body,
        } => (
            status,
            challenge,
            body["error"].as_str().unwrap().to_owned(),
        ),
        Checked::Forwarded(ok) => panic!("not refused: {ok:?}"),
    }
}

/// Asserts a status and the `error` of the challenge, which is the body's too.
#[track_caller]
fn refuses(checked: Checked, status: i32, error: &str) {
    let (found, header, body) = refusal(checked);
    let parameters = challenge::parse(&header.unwrap());
    assert_eq!((found, parameters["error"].as_str()), (status, error));
    assert_eq!(body, error);
    assert_eq!(parameters["realm"], "caracal");
    assert!(parameters.contains_key("error_description"));
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

#[tokio::test]
async fn rfc6750_s3_without_credentials_the_challenge_names_no_error() {
    let world = World::start().await;
    let (status, header, _) = refusal(world.check(PAYOUT, "/0", None).await);
    let parameters = challenge::parse(&header.unwrap());
    assert_eq!(status, 401);
    assert_eq!(parameters.keys().collect::<Vec<_>>(), ["realm"]);
}

#[tokio::test]
async fn rfc6750_s2_1_a_header_that_is_no_single_bearer_token_is_invalid_request() {
    let world = World::start().await;
    let token = world.own(PAYOUT_BASIC, "accounts:read").await;
    for value in [
        format!("Basic {token}"),
        "Bearer".to_owned(),
        format!("Bearer {token} {token}"),
        format!("Bearer {token},Bearer {token}"),
    ] {
        refuses(
            world.check(PAYOUT, "/0", Some(&value)).await,
            400,
            "invalid_request",
        );
    }
}

#[tokio::test]
async fn rfc6750_s2_1_the_scheme_is_bearer_in_any_case() {
    let world = World::start().await;
    let token = world.own(PAYOUT_BASIC, "accounts:read").await;
    let value = format!("bEARER {token}");
    let checked = world.check(PAYOUT, "/0", Some(&value)).await;
    assert!(matches!(checked, Checked::Forwarded(_)), "{checked:?}");
}

#[tokio::test]
async fn rfc6750_s2_3_a_token_in_the_url_is_no_credential() {
    let world = World::start().await;
    let token = world.own(PAYOUT_BASIC, "accounts:read").await;
    let path = format!("/0?access_token={token}");
    let (status, header, _) = refusal(world.check(PAYOUT, &path, None).await);
    assert_eq!(
        (status, header.as_deref()),
        (401, Some(r#"Bearer realm="caracal""#))
    );
}

#[tokio::test]
async fn rfc6750_s3_1_a_token_that_does_not_hold_is_invalid_token() {
    let world = World::start().await;
    let good = world.own(PAYOUT_BASIC, "accounts:read").await;
    let revoked = world.own(PAYOUT_BASIC, "accounts:read").await;
    let jti = claims(&revoked)["jti"].as_str().unwrap().to_owned();
    world.revoke(&format!("mandate/{jti}")).await;
    for token in [&good[..good.len() - 4], "a.b.c", "x", &revoked] {
        let checked = world.check(PAYOUT, "/0", Some(&bearer(token))).await;
        refuses(checked, 401, "invalid_token");
    }
    let checked = world.check(PAYOUT, "/0", Some(&bearer(&good))).await;
    assert!(matches!(checked, Checked::Forwarded(_)), "{checked:?}");
}

#[tokio::test]
async fn rfc8705_s3_a_token_of_another_workload_is_invalid_token() {
    let world = World::start().await;
    let token = world.own(PAYOUT_BASIC, "accounts:read").await;
    for peer in [WORKER, "", "spiffe://d.example/ns/agents/sa/stranger"] {
        let checked = world.check(peer, "/0", Some(&bearer(&token))).await;
        refuses(checked, 401, "invalid_token");
    }
}

#[tokio::test]
async fn rfc8693_s2_2_1_what_is_no_access_token_is_good_at_no_resource() {
    let world = World::start().await;
    let more = [
        ("resource", BANK),
        ("requested_token_type", DELEGATION),
        ("audience", "worker"),
    ];
    let token = world.issue(&more, PAYOUT_BASIC).await.token();
    let checked = world.check(PAYOUT, "/0", Some(&bearer(&token))).await;
    refuses(checked, 401, "invalid_token");
}

#[tokio::test]
async fn rfc6750_s3_1_too_little_scope_is_insufficient_scope_with_what_is_needed() {
    let world = World::start().await;
    let token = world.own(PAYOUT_BASIC, "accounts:read").await;
    let checked = world.check(PAYOUT, "/2", Some(&bearer(&token))).await;
    let (status, header, body) = refusal(checked);
    let parameters = challenge::parse(&header.unwrap());
    assert_eq!(
        (status, parameters["error"].as_str()),
        (403, "insufficient_scope")
    );
    assert_eq!(
        (parameters["scope"].as_str(), body.as_str()),
        ("payments:write", "insufficient_scope")
    );
}

#[tokio::test]
async fn rfc6750_s5_3_a_request_that_is_let_through_loses_its_token() {
    let world = World::start().await;
    let token = world.own(PAYOUT_BASIC, "accounts:read").await;
    let checked = world.check(PAYOUT, "/0", Some(&bearer(&token))).await;
    let Checked::Forwarded(ok) = checked else {
        panic!("refused: {checked:?}");
    };
    assert!(ok.headers_to_remove.contains(&"authorization".to_owned()));
    assert!(ok.headers.is_empty(), "{ok:?}");
}

#[tokio::test]
async fn rfc6750_s3_1_when_nobody_can_say_it_is_no_fault_of_the_token() {
    let world = World::start().await;
    let token = world.own(PAYOUT_BASIC, "accounts:read").await;
    world.store.close().await;
    for _ in 0..50 {
        let checked = world.check(PAYOUT, "/0", Some(&bearer(&token))).await;
        if let Checked::Refused {
            status,
            challenge,
            body,
        } = checked
        {
            assert_eq!((status, challenge), (503, None));
            assert_eq!(body["error"], "temporarily_unavailable");
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the lease does not run out");
}
