//! Who asks: RFC 6749 §2.3, RFC 7523, RFC 8705.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::support::jwt::claims;
use crate::support::{
    Auth, JWT_BEARER, KUBERNETES, PAYOUT, PAYOUT_BASIC, PAYOUT_SECRET, TWIN_A, TWIN_SECRET,
    UNBOUND_SECRET, WISH, WORKER, WORKER_SECRET, World, now, wire, wish,
};

#[tokio::test]
async fn rfc6749_s2_3_1_secrets_are_taken_in_the_header_and_in_the_body() {
    let world = World::start().await;
    for auth in [PAYOUT_BASIC, Auth::Post("payout", PAYOUT_SECRET)] {
        let token = world.token(&WISH, auth).await.token();
        assert_eq!(claims(&token)["client_id"], "payout");
        assert_eq!(claims(&token)["cnf"]["spiffe_id"], PAYOUT);
    }
}

#[tokio::test]
async fn rfc6749_s5_2_a_client_that_is_not_proven_is_invalid_client_with_a_challenge() {
    let world = World::start().await;
    for auth in [
        Auth::None,
        Auth::Basic("payout", "cs_wrong"),
        Auth::Basic("payout", WORKER_SECRET),
        Auth::Basic("nobody", PAYOUT_SECRET),
        Auth::Basic("payout", ""),
        Auth::Basic("Payout!", PAYOUT_SECRET),
        Auth::Post("payout", "cs_wrong"),
        Auth::Assertion("a.b.c"),
        Auth::Certificate("spiffe://d.example/ns/agents/sa/stranger"),
    ] {
        let reply = world.token(&WISH, auth).await;
        reply.refuses(401, "invalid_client");
        assert!(
            reply
                .header("www-authenticate")
                .unwrap()
                .starts_with("Basic realm="),
            "{auth:?}"
        );
    }
    let event = &world.events().await[0];
    assert_eq!(event.reason.unwrap().as_str(), "client_unproven");
}

#[tokio::test]
async fn rfc6749_s4_4_2_a_client_that_only_names_itself_is_invalid_client() {
    let world = World::start().await;
    let public = wish(&[("client_id", "payout")]);
    world
        .token(&public, Auth::None)
        .await
        .refuses(401, "invalid_client");
}

#[tokio::test]
async fn rfc6749_s2_3_1_id_and_secret_are_encoded_as_in_a_form_in_the_header() {
    let world = World::start().await;
    let body = wire::form(&WISH);
    for (pair, status) in [
        (
            format!("p%61yout:{}", PAYOUT_SECRET.replace('_', "%5F")),
            200,
        ),
        (format!("payout:{PAYOUT_SECRET}"), 200),
        (format!("payout:{}%zz", &PAYOUT_SECRET[..10]), 401),
        (format!("payout:{PAYOUT_SECRET}+"), 401),
    ] {
        let headers = format!(
            "authorization: Basic {}\r\ncontent-type: application/x-www-form-urlencoded\r\n",
            STANDARD.encode(&pair)
        );
        let reply = world.send("POST", "/zones/acme/token", &headers, body.as_bytes(), None);
        assert_eq!(reply.await.status, status, "{pair}");
    }
}

#[tokio::test]
async fn rfc6749_s2_3_more_than_one_method_is_invalid_request() {
    let world = World::start().await;
    let assertion = world.client_key.sign(&world.assertion("both"));
    let secret = ("client_secret", PAYOUT_SECRET);
    let jwt = [
        ("client_assertion_type", JWT_BEARER),
        ("client_assertion", assertion.as_str()),
    ];
    for (more, auth) in [
        (vec![("client_id", "payout"), secret], PAYOUT_BASIC),
        (jwt.to_vec(), PAYOUT_BASIC),
        (jwt.to_vec(), Auth::Post("payout", PAYOUT_SECRET)),
        (vec![("client_id", "worker")], PAYOUT_BASIC),
        (vec![secret], Auth::None),
        (vec![jwt[0]], Auth::None),
        (vec![jwt[1]], Auth::None),
    ] {
        let parameters = wish(&more);
        world
            .token(&parameters, auth)
            .await
            .refuses(400, "invalid_request");
    }
    let named = wish(&[("client_id", "payout")]);
    assert_eq!(
        world.token(&named, PAYOUT_BASIC).await.status,
        200,
        "a client may name itself"
    );
}

#[tokio::test]
async fn rfc6749_s2_3_1_a_header_that_is_not_basic_once_is_no_authentication() {
    let world = World::start().await;
    let content = "content-type: application/x-www-form-urlencoded\r\n";
    let body = wire::form(&WISH);
    let good = wire::basic("payout", PAYOUT_SECRET);
    for (headers, status, error) in [
        (
            "authorization: Bearer x\r\n".to_owned(),
            401,
            "invalid_client",
        ),
        (
            "authorization: Basic !!!\r\n".to_owned(),
            401,
            "invalid_client",
        ),
        (
            "authorization: Basic cGF5b3V0\r\n".to_owned(),
            401,
            "invalid_client",
        ),
        ("authorization: Basic\r\n".to_owned(), 401, "invalid_client"),
        (format!("{good}{good}"), 400, "invalid_request"),
    ] {
        let reply = world
            .send(
                "POST",
                "/zones/acme/token",
                &format!("{headers}{content}"),
                body.as_bytes(),
                None,
            )
            .await;
        reply.refuses(status, error);
    }
}

#[tokio::test]
async fn rfc6749_s10_10_failures_slow_down_who_fails_and_lock_nobody_out() {
    let world = World::start().await;
    for _ in 0..10 {
        world
            .token(&WISH, Auth::Basic("payout", "cs_wrong"))
            .await
            .refuses(401, "invalid_client");
    }
    let reply = world.token(&WISH, Auth::Basic("payout", "cs_wrong")).await;
    reply.refuses(429, "slow_down");
    assert_eq!(reply.header("retry-after"), Some("60"));
    world
        .token(&WISH, Auth::Basic("worker", "cs_wrong"))
        .await
        .refuses(401, "invalid_client");
    assert_eq!(
        world.token(&WISH, PAYOUT_BASIC).await.status,
        200,
        "who has the secret is let in"
    );
}

#[tokio::test]
async fn rfc8705_s2_1_a_certificate_is_its_application() {
    let world = World::start().await;
    let token = world.token(&WISH, Auth::Certificate(PAYOUT)).await.token();
    assert_eq!(
        (
            &claims(&token)["client_id"],
            &claims(&token)["cnf"]["spiffe_id"]
        ),
        (&json!("payout"), &json!(PAYOUT))
    );
    let named = wish(&[("client_id", "payout")]);
    assert_eq!(
        world.token(&named, Auth::Certificate(PAYOUT)).await.status,
        200
    );
    let other = wish(&[("client_id", "worker")]);
    world
        .token(&other, Auth::Certificate(PAYOUT))
        .await
        .refuses(401, "invalid_client");
    // Beside another proof it has to be of the same application.
    let with = wish(&[("client_id", "payout"), ("client_secret", PAYOUT_SECRET)]);
    assert_eq!(
        world.token(&with, Auth::Certificate(PAYOUT)).await.status,
        200
    );
    world
        .token(&with, Auth::Certificate(WORKER))
        .await
        .refuses(401, "invalid_client");
}

#[tokio::test]
async fn rfc8705_s6_5_an_identity_in_a_header_is_no_identity() {
    let world = World::start().await;
    let body = wire::form(&WISH);
    let headers = format!(
        "content-type: application/x-www-form-urlencoded\r\nx-forwarded-client-cert: URI={PAYOUT}\r\nx-client-cert: {PAYOUT}\r\nclient-cert: {PAYOUT}\r\n"
    );
    for reply in [
        world
            .send_plain(
                "POST",
                "/zones/acme/token",
                "localhost",
                &headers,
                body.as_bytes(),
            )
            .await,
        world
            .send("POST", "/zones/acme/token", &headers, body.as_bytes(), None)
            .await,
    ] {
        reply.refuses(401, "invalid_client");
    }
}

#[tokio::test]
async fn kubernetes_service_account_tokens_prove_their_application() {
    let world = World::start().await;
    let good = || json!({"iss": KUBERNETES, "sub": "system:serviceaccount:agents:twin-a", "aud": ["caracal"], "iat": now() - 100, "exp": now() + 3000});
    let jwt = world.cluster.sign(&good());
    let token = world.token(&WISH, Auth::Assertion(&jwt)).await.token();
    assert_eq!(
        (
            &claims(&token)["client_id"],
            &claims(&token)["cnf"]["spiffe_id"]
        ),
        (&json!("twin"), &json!(TWIN_A))
    );
    assert_eq!(
        world.token(&WISH, Auth::Assertion(&jwt)).await.status,
        200,
        "it is used until it is rotated"
    );
    for (name, value) in [
        ("aud", json!("https://kubernetes.default.svc")),
        ("aud", json!(["caracal", "vault"])),
        ("sub", json!("system:serviceaccount:agents:other")),
        ("sub", json!("system:serviceaccount:other:twin-a")),
        ("sub", json!("system:node:twin-a")),
        ("iat", json!(now() - 4000)),
        ("exp", json!(now() - 1)),
        ("iss", json!("https://other.example")),
        ("iss", json!("https://idp.example")),
    ] {
        let mut claims = good();
        claims[name] = value.clone();
        let reply = world
            .token(&WISH, Auth::Assertion(&world.cluster.sign(&claims)))
            .await;
        assert_eq!(reply.status, 401, "{name} = {value}: {}", reply.text);
    }
}

#[tokio::test]
async fn a_client_that_is_no_certain_workload_gets_no_mandate() {
    let world = World::start().await;
    for auth in [
        Auth::Basic("unbound", UNBOUND_SECRET),
        Auth::Basic("twin", TWIN_SECRET),
    ] {
        let reply = world.token(&WISH, auth).await;
        reply.refuses(400, "unauthorized_client");
        assert_eq!(reply.header("x-caracal-reason"), Some("client_unbound"));
    }
    let with = wish(&[("client_id", "twin"), ("client_secret", TWIN_SECRET)]);
    assert_eq!(
        world.token(&with, Auth::Certificate(TWIN_A)).await.status,
        200,
        "the certificate says which"
    );
}

#[tokio::test]
async fn a_revoked_application_has_no_credentials_any_more() {
    let world = World::start().await;
    world.revoke("application/payout").await;
    let jwt = world.client_key.sign(&world.assertion("r1"));
    for auth in [PAYOUT_BASIC, Auth::Assertion(&jwt)] {
        world
            .token(&WISH, auth)
            .await
            .refuses(401, "invalid_client");
    }
    world
        .token(&WISH, Auth::Certificate(PAYOUT))
        .await
        .refuses(400, "unauthorized_client");
}
