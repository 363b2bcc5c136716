//! What a success looks like: RFC 6749 §5.1, RFC 8693 §2.2.1, RFC 9068 §2.

use std::time::Duration;

use caracal_sts::StsConfig;
use serde_json::{Value, json};

use crate::support::jwt::{claims, header};
use crate::support::{
    ACCESS_TOKEN, BANK, DELEGATION, PAYOUT_BASIC, Reply, TOKEN_EXCHANGE, WISH, World,
};

const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

fn members(reply: &Reply) -> Vec<String> {
    let answer = reply.json();
    let mut members: Vec<_> = answer.as_object().unwrap().keys().cloned().collect();
    members.sort_unstable();
    members
}

async fn narrowed(world: &World, more: &[(&str, &str)]) -> Reply {
    let subject = world
        .own(PAYOUT_BASIC, "accounts:read payments:write")
        .await;
    world
        .exchange(&subject, ACCESS_TOKEN, more, PAYOUT_BASIC)
        .await
}

#[tokio::test]
async fn rfc6749_s5_1_an_answer_has_its_members_and_no_others() {
    let world = World::start().await;
    let reply = world.token(&WISH, PAYOUT_BASIC).await;
    assert_eq!(reply.status, 200);
    assert_eq!(
        members(&reply),
        ["access_token", "expires_in", "scope", "token_type"]
    );
    assert_eq!(reply.json()["token_type"], "Bearer");
}

#[tokio::test]
async fn rfc6749_s5_1_an_answer_is_json_and_is_not_stored() {
    let world = World::start().await;
    let reply = world.token(&WISH, PAYOUT_BASIC).await;
    for (name, value) in [
        ("content-type", "application/json"),
        ("cache-control", "no-store"),
        ("pragma", "no-cache"),
    ] {
        assert_eq!(reply.header(name), Some(value));
    }
}

#[tokio::test]
async fn rfc6749_s5_1_expires_in_is_what_is_left_of_the_mandate() {
    let world = World::start().await;
    let reply = world.token(&WISH, PAYOUT_BASIC).await;
    let claims = claims(&reply.token());
    let life = claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap();
    let expires_in = reply.json()["expires_in"].as_u64().unwrap();
    assert!(
        (life - 1..=life).contains(&expires_in),
        "{expires_in} of {life}"
    );
}

#[tokio::test]
async fn rfc6749_s3_3_without_a_scope_the_answer_says_which_were_granted() {
    let world = World::start().await;
    let reply = world.issue(&[("resource", BANK)], PAYOUT_BASIC).await;
    let scope = "accounts:read payments:freeze payments:write";
    assert_eq!(reply.json()["scope"], scope);
    assert_eq!(claims(&reply.token())["scope"], scope);
}

#[tokio::test]
async fn rfc6749_s4_4_3_no_refresh_token_is_issued() {
    let world = World::start().await;
    let plain = world.token(&WISH, PAYOUT_BASIC).await;
    let exchanged = narrowed(&world, &[]).await;
    for reply in [plain, exchanged] {
        assert_eq!(reply.status, 200);
        assert_eq!(reply.json().get("refresh_token"), None);
    }
}

#[tokio::test]
async fn rfc8693_s2_2_1_an_answer_has_its_members_and_no_others() {
    let world = World::start().await;
    let reply = narrowed(&world, &[("scope", "accounts:read")]).await;
    let expected = [
        "access_token",
        "expires_in",
        "issued_token_type",
        "scope",
        "token_type",
    ];
    assert_eq!(members(&reply), expected);
    assert_eq!(reply.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn rfc8693_s2_2_1_the_issued_token_type_is_the_requested_one() {
    let world = World::start().await;
    for (asked, issued) in [
        (None, ACCESS_TOKEN),
        (Some(ACCESS_TOKEN), ACCESS_TOKEN),
        (Some(JWT), JWT),
    ] {
        let more: Vec<_> = asked
            .map(|kind| ("requested_token_type", kind))
            .into_iter()
            .collect();
        let reply = narrowed(&world, &more).await;
        assert_eq!(reply.json()["issued_token_type"], issued);
        assert_eq!(reply.json()["token_type"], "Bearer");
    }
}

#[tokio::test]
async fn rfc8693_s2_2_1_what_is_no_access_token_has_the_token_type_n_a() {
    let world = World::start().await;
    let more = [
        ("resource", BANK),
        ("requested_token_type", DELEGATION),
        ("audience", "worker"),
    ];
    let reply = world.issue(&more, PAYOUT_BASIC).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let answer = reply.json();
    assert_eq!(
        (&answer["token_type"], &answer["issued_token_type"]),
        (&json!("N_A"), &json!(DELEGATION))
    );
}

#[tokio::test]
async fn rfc8693_s2_2_1_the_scope_is_said_where_it_is_less_than_was_asked_for() {
    let world = World::start().await;
    let subject = world.own(PAYOUT_BASIC, "accounts:read").await;
    // Nothing asked for is all that can be had: what the subject has, not what the grant has.
    let reply = world
        .exchange(&subject, ACCESS_TOKEN, &[], PAYOUT_BASIC)
        .await;
    assert_eq!(reply.json()["scope"], "accounts:read");
}

#[tokio::test]
async fn rfc8693_s2_2_2_an_expired_subject_token_is_invalid_request() {
    let config = StsConfig {
        default_lifetime_s: 1,
        ..StsConfig::default()
    };
    let world = World::start_with(config).await;
    let token = world.own(PAYOUT_BASIC, "accounts:read").await;
    tokio::time::sleep(Duration::from_millis(2100)).await;
    let reply = world
        .exchange(&token, ACCESS_TOKEN, &[], PAYOUT_BASIC)
        .await;
    reply.refuses(400, "invalid_request");
    assert_eq!(reply.json()["reason"], "subject_invalid");
    assert_eq!(
        world.introspect(&token).await,
        json!({"active": false}),
        "RFC 7662 §2.2"
    );
}

#[tokio::test]
async fn rfc8707_s2_2_a_mandate_is_for_the_resource_that_was_asked_for_alone() {
    let world = World::start().await;
    for target in [("resource", BANK), ("audience", "bank")] {
        let token = world.issue(&[target], PAYOUT_BASIC).await.token();
        assert_eq!(claims(&token)["aud"], BANK);
    }
}

#[tokio::test]
async fn rfc9068_s2_1_the_type_in_the_header_is_at_jwt() {
    let world = World::start().await;
    let header = header(&world.own(PAYOUT_BASIC, "accounts:read").await);
    assert_eq!(
        (&header["alg"], &header["typ"]),
        (&json!("ES256"), &json!("at+jwt"))
    );
    let names: Vec<_> = header.as_object().unwrap().keys().collect();
    assert_eq!(names, ["alg", "kid", "typ"]);
}

#[tokio::test]
async fn rfc9068_s2_2_the_required_claims_are_there() {
    let world = World::start().await;
    let first = claims(&world.own(PAYOUT_BASIC, "accounts:read").await);
    let second = claims(&world.own(PAYOUT_BASIC, "accounts:read").await);
    assert_eq!(first["iss"], json!(world.issuer()));
    for name in ["sub", "client_id"] {
        assert_eq!(first[name], "payout");
    }
    assert!(first["exp"].as_u64() > first["iat"].as_u64());
    let jti = |claims: &Value| claims["jti"].as_str().unwrap().to_owned();
    assert!(
        jti(&first).len() >= 22,
        "RFC 7519 §4.1.7: nobody meets the same one by chance"
    );
    assert_ne!(jti(&first), jti(&second));
}

#[tokio::test]
async fn rfc9068_s2_2_3_the_scope_that_was_granted_is_in_the_token() {
    let world = World::start().await;
    let token = world
        .own(PAYOUT_BASIC, "payments:write accounts:read")
        .await;
    assert_eq!(claims(&token)["scope"], "accounts:read payments:write");
}

#[tokio::test]
async fn rfc9068_s5_a_client_that_acts_for_itself_is_the_subject_and_no_actor() {
    let world = World::start().await;
    let claims = claims(&world.own(PAYOUT_BASIC, "accounts:read").await);
    assert_eq!(claims["sub"], claims["client_id"]);
    assert_eq!((claims.get("act"), claims.get("may_act")), (None, None));
}

#[tokio::test]
async fn rfc8693_s2_1_no_lifetime_is_longer_than_that_of_the_subject() {
    let world = World::start().await;
    let subject = world.own(PAYOUT_BASIC, "accounts:read").await;
    let parameters = [
        ("grant_type", TOKEN_EXCHANGE),
        ("subject_token", subject.as_str()),
        ("subject_token_type", JWT),
    ];
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let child = world.token(&parameters, PAYOUT_BASIC).await.token();
    assert!(claims(&child)["exp"].as_u64() <= claims(&subject)["exp"].as_u64());
}
