//! Token exchange: RFC 8693.

use serde_json::json;

use crate::support::jwt::{Key, claims, header};
use crate::support::{
    ACCESS_TOKEN, Auth, BANK, ID_TOKEN, PAYOUT, PAYOUT_BASIC, Reply, TOKEN_EXCHANGE, WORKER_BASIC,
    World, now,
};

/// A mandate that a client obtained for itself.
pub(crate) async fn own(world: &World, auth: Auth<'_>, scope: &str) -> String {
    let parameters = [
        ("grant_type", "client_credentials"),
        ("resource", BANK),
        ("scope", scope),
    ];
    world.token(&parameters, auth).await.token()
}

/// One exchange.
pub(crate) async fn exchange(
    world: &World,
    subject: &str,
    kind: &str,
    more: &[(&str, &str)],
    auth: Auth<'_>,
) -> Reply {
    let mut parameters = vec![
        ("grant_type", TOKEN_EXCHANGE),
        ("subject_token", subject),
        ("subject_token_type", kind),
    ];
    parameters.extend_from_slice(more);
    world.token(&parameters, auth).await
}

#[tokio::test]
async fn rfc8693_s2_2_1_the_answer_has_its_members_and_is_not_stored() {
    let world = World::start().await;
    let subject = own(&world, PAYOUT_BASIC, "accounts:read payments:write").await;
    let reply = exchange(
        &world,
        &subject,
        ACCESS_TOKEN,
        &[("scope", "accounts:read")],
        PAYOUT_BASIC,
    )
    .await;
    let answer = reply.json();
    let mut members: Vec<_> = answer.as_object().unwrap().keys().cloned().collect();
    members.sort_unstable();
    assert_eq!(
        members,
        [
            "access_token",
            "expires_in",
            "issued_token_type",
            "scope",
            "token_type"
        ]
    );
    assert_eq!(
        (
            &answer["issued_token_type"],
            &answer["token_type"],
            &answer["scope"]
        ),
        (
            &json!(ACCESS_TOKEN),
            &json!("Bearer"),
            &json!("accounts:read")
        )
    );
    assert!((1..=300).contains(&answer["expires_in"].as_u64().unwrap()));
    assert_eq!(
        (reply.header("cache-control"), reply.header("pragma")),
        (Some("no-store"), Some("no-cache"))
    );
    let jwt = exchange(
        &world,
        &subject,
        ACCESS_TOKEN,
        &[(
            "requested_token_type",
            "urn:ietf:params:oauth:token-type:jwt",
        )],
        PAYOUT_BASIC,
    )
    .await;
    assert_eq!(
        jwt.json()["issued_token_type"],
        "urn:ietf:params:oauth:token-type:jwt"
    );
    let plain = world
        .token(
            &[("grant_type", "client_credentials"), ("resource", BANK)],
            PAYOUT_BASIC,
        )
        .await;
    assert_eq!(
        plain.json().get("issued_token_type"),
        None,
        "RFC 6749 §5.1 has no such member"
    );
}

#[tokio::test]
async fn rfc9068_s2_a_mandate_is_a_jwt_access_token() {
    let world = World::start().await;
    let token = own(&world, PAYOUT_BASIC, "accounts:read").await;
    let (header, claims) = (header(&token), claims(&token));
    assert_eq!(
        (&header["alg"], &header["typ"]),
        (&json!("ES256"), &json!("at+jwt"))
    );
    assert_eq!(claims["iss"], json!(world.issuer()));
    assert_eq!(
        (&claims["sub"], &claims["client_id"], &claims["aud"]),
        (&json!("payout"), &json!("payout"), &json!(BANK))
    );
    assert!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap() <= 900);
    assert_eq!(
        (claims.get("act"), claims.get("may_act")),
        (None, None),
        "it acts for itself"
    );
}

#[tokio::test]
async fn rfc8693_s2_1_a_client_narrows_what_it_has_and_never_widens_it() {
    let world = World::start().await;
    let wide = own(&world, PAYOUT_BASIC, "accounts:read payments:write").await;
    let narrow = exchange(
        &world,
        &wide,
        ACCESS_TOKEN,
        &[("scope", "accounts:read")],
        PAYOUT_BASIC,
    )
    .await
    .token();
    let (from, to) = (claims(&wide), claims(&narrow));
    assert_eq!(to["scope"], "accounts:read");
    assert_eq!((&to["sid"], &to["sub"]), (&from["sid"], &from["sub"]));
    assert!(to["exp"].as_u64() <= from["exp"].as_u64());
    assert_eq!(to["from"], json!([from["jti"]]));
    exchange(
        &world,
        &narrow,
        ACCESS_TOKEN,
        &[("scope", "accounts:read payments:write")],
        PAYOUT_BASIC,
    )
    .await
    .refuses(400, "invalid_scope");
    exchange(
        &world,
        &narrow,
        ACCESS_TOKEN,
        &[("resource", "https://mail.internal")],
        PAYOUT_BASIC,
    )
    .await
    .refuses(400, "invalid_target");
    let again = exchange(&world, &narrow, ACCESS_TOKEN, &[], PAYOUT_BASIC).await;
    assert_eq!(
        again.json()["scope"],
        "accounts:read",
        "all that can be had is what the subject has"
    );
}

#[tokio::test]
async fn rfc8693_s2_2_2_a_subject_token_that_is_not_good_is_invalid_request() {
    let world = World::start().await;
    let good = own(&world, PAYOUT_BASIC, "accounts:read").await;
    let ask = async |token: &str| exchange(&world, token, ACCESS_TOKEN, &[], PAYOUT_BASIC).await;
    let mut changed = good.clone().into_bytes();
    let last = changed.len() - 10;
    changed[last] = if changed[last] == b'A' { b'B' } else { b'A' };
    let changed = String::from_utf8(changed).unwrap();
    let forged = Key::new(9, "x").sign_as(&header(&good), &claims(&good));
    for token in ["x", "a.b.c", &changed, &forged] {
        ask(token).await.refuses(400, "invalid_request");
    }
    // Somebody else's, captured.
    exchange(&world, &good, ACCESS_TOKEN, &[], WORKER_BASIC)
        .await
        .refuses(400, "invalid_request");
    assert_eq!(ask(&good).await.status, 200);
    world
        .revoke(&format!(
            "mandate/{}",
            claims(&good)["jti"].as_str().unwrap()
        ))
        .await;
    let reply = ask(&good).await;
    reply.refuses(400, "invalid_request");
    assert_eq!(
        reply.json()["reason"],
        "subject_invalid",
        "which check failed is for the ledger"
    );
    assert!(
        world.events().await[0]
            .detail
            .as_deref()
            .unwrap()
            .contains("revoked")
    );
}

#[tokio::test]
async fn oidc_a_human_is_the_subject_and_the_agent_the_actor() {
    let world = World::start().await;
    let id_token = world.idp.sign(&World::id_token());
    let token = exchange(
        &world,
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
    exchange(&world, &id_token, ID_TOKEN, &[], PAYOUT_BASIC)
        .await
        .refuses(400, "invalid_target");
    exchange(
        &world,
        &id_token,
        ACCESS_TOKEN,
        &[("resource", BANK)],
        PAYOUT_BASIC,
    )
    .await
    .refuses(400, "invalid_request");
    exchange(
        &world,
        &id_token,
        ID_TOKEN,
        &[("resource", BANK)],
        WORKER_BASIC,
    )
    .await
    .refuses(400, "invalid_target");
    let mut mallory = World::id_token();
    mallory["sub"] = json!("mallory");
    let reply = exchange(
        &world,
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
        let reply = exchange(
            &world,
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
    exchange(
        &world,
        &access_token,
        ID_TOKEN,
        &[("resource", BANK)],
        PAYOUT_BASIC,
    )
    .await
    .refuses(400, "invalid_request");
}

#[tokio::test]
async fn rfc9470_s3_a_human_who_authenticated_too_long_ago_has_to_do_it_again() {
    let world = World::start().await;
    let mut claims = World::id_token();
    claims["auth_time"] = json!(now() - 700);
    let reply = exchange(
        &world,
        &world.idp.sign(&claims),
        ID_TOKEN,
        &[("resource", BANK)],
        PAYOUT_BASIC,
    )
    .await;
    reply.refuses(401, "insufficient_user_authentication");
    assert!(
        reply
            .header("www-authenticate")
            .unwrap()
            .contains(r#"error="insufficient_user_authentication""#)
    );
}
