//! On behalf of a human: ID tokens of trusted issuers, RFC 9470.

use serde_json::json;

use crate::support::jwt::claims;
use crate::support::{
    ACCESS_TOKEN, BANK, ID_TOKEN, PAYOUT, PAYOUT_BASIC, WORKER_BASIC, World, challenge, now,
};

#[tokio::test]
async fn oidc_a_human_is_the_subject_and_the_agent_the_actor() {
    let world = World::start().await;
    let id_token = world.idp.sign(&World::id_token());
    let token = world
        .exchange(
            &id_token,
            ID_TOKEN,
            &[("resource", BANK), ("scope", "accounts:read")],
            PAYOUT_BASIC,
        )
        .await
        .token();
    let claims = claims(&token);
    assert_eq!(
        (&claims["sub"], &claims["client_id"]),
        (&json!("user:corp:alice"), &json!("payout"))
    );
    assert_eq!(
        claims["act"],
        json!({"sub": "payout"}),
        "RFC 8693 §4.1: identity, and nothing else"
    );
    assert_eq!(claims["cnf"]["spiffe_id"], PAYOUT);
    assert!(
        claims["exp"].as_u64().unwrap() <= now() + 200,
        "it ends with the ID token"
    );
    assert!(
        world.events().await[0]
            .detail
            .as_deref()
            .unwrap()
            .contains("for user:corp:alice")
    );
    world
        .exchange(&id_token, ID_TOKEN, &[], PAYOUT_BASIC)
        .await
        .refuses(400, "invalid_target");
    world
        .exchange(&id_token, ACCESS_TOKEN, &[("resource", BANK)], PAYOUT_BASIC)
        .await
        .refuses(400, "invalid_request");
    world
        .exchange(&id_token, ID_TOKEN, &[("resource", BANK)], WORKER_BASIC)
        .await
        .refuses(400, "invalid_target");
    let mut mallory = World::id_token();
    mallory["sub"] = json!("mallory");
    let reply = world
        .exchange(
            &world.idp.sign(&mallory),
            ID_TOKEN,
            &[("resource", BANK)],
            PAYOUT_BASIC,
        )
        .await;
    assert_eq!(
        reply.json()["reason"],
        "policy_denied",
        "the policy sees who it is"
    );
}

#[tokio::test]
async fn oidc_every_member_of_an_id_token_is_checked() {
    let world = World::start().await;
    for (name, value) in [
        ("iss", json!("https://other.example")),
        ("iss", json!("https://idp.example/")),
        ("iss", json!("https://kubernetes.default.svc")),
        ("aud", json!("other")),
        ("aud", json!(["caracal", "other"])),
        ("aud", json!([])),
        ("exp", json!(now() - 1)),
        ("iat", json!(now() + 100)),
        ("nbf", json!(now() + 100)),
        ("sub", json!("")),
        ("sub", json!("a b")),
        ("sub", json!(7)),
        ("sub", json!("x".repeat(256))),
        ("auth_time", json!("now")),
    ] {
        let mut claims = World::id_token();
        claims[name] = value.clone();
        let reply = world
            .exchange(
                &world.idp.sign(&claims),
                ID_TOKEN,
                &[("resource", BANK)],
                PAYOUT_BASIC,
            )
            .await;
        assert_eq!(
            (reply.status, &reply.json()["error"]),
            (400, &json!("invalid_request")),
            "{name} = {value}: {}",
            reply.text
        );
    }
    let access_token = json!({"alg": "ES256", "kid": "idp-1", "typ": "at+jwt"});
    let access_token = world.idp.sign_as(&access_token, &World::id_token());
    world
        .exchange(&access_token, ID_TOKEN, &[("resource", BANK)], PAYOUT_BASIC)
        .await
        .refuses(400, "invalid_request");
}

#[tokio::test]
async fn rfc9470_s3_a_human_who_authenticated_too_long_ago_has_to_do_it_again() {
    let world = World::start().await;
    let mut claims = World::id_token();
    claims["auth_time"] = json!(now() - 700);
    let reply = world
        .exchange(
            &world.idp.sign(&claims),
            ID_TOKEN,
            &[("resource", BANK)],
            PAYOUT_BASIC,
        )
        .await;
    reply.refuses(401, "insufficient_user_authentication");
    let parameters = challenge::parse(reply.header("www-authenticate").unwrap());
    assert_eq!(parameters["error"], "insufficient_user_authentication");
}
