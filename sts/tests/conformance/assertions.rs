//! Clients that sign an assertion: RFC 7521, RFC 7523 and its successor, RFC 8725.

use serde_json::{Value, json};

use crate::support::jwt::{Key, claims};
use crate::support::{Auth, WISH, World, now, wish};

#[tokio::test]
async fn rfc7523_s3_an_assertion_by_the_clients_key_is_taken_once() {
    let world = World::start().await;
    let jwt = world.client_key.sign(&world.assertion("j1"));
    let token = world.token(&WISH, Auth::Assertion(&jwt)).await.token();
    assert_eq!(claims(&token)["client_id"], "payout");
    world
        .token(&WISH, Auth::Assertion(&jwt))
        .await
        .refuses(401, "invalid_client");
    let other = world.client_key.sign(&world.assertion("j2"));
    let named = wish(&[("client_id", "payout")]);
    assert_eq!(
        world.token(&named, Auth::Assertion(&other)).await.status,
        200
    );
}

/// An assertion that is good but for one claim, which is left out if the value is null, is none.
async fn claim_is_refused(name: &str, values: Vec<Value>) {
    let world = World::start().await;
    for (index, value) in values.into_iter().enumerate() {
        let mut claims = world.assertion(&format!("m{index}"));
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
        let jwt = world.client_key.sign(&claims);
        let reply = world.token(&WISH, Auth::Assertion(&jwt)).await;
        reply.refuses(401, "invalid_client");
    }
    let jwt = world.client_key.sign(&world.assertion("good"));
    let reply = world.token(&WISH, Auth::Assertion(&jwt)).await;
    assert_eq!(reply.status, 200, "{name}: {}", reply.text);
}

#[tokio::test]
async fn rfc7523_s3_1_the_issuer_is_the_client() {
    let values = [
        json!("worker"),
        json!("nobody"),
        json!("https://idp.example"),
        json!(7),
        json!(null),
    ];
    claim_is_refused("iss", values.to_vec()).await;
}

#[tokio::test]
async fn rfc7523_s3_2_the_subject_is_the_client() {
    claim_is_refused("sub", vec![json!("worker"), json!(""), json!(null)]).await;
}

#[tokio::test]
async fn rfc7523_s3_3_the_audience_is_this_issuer_and_nobody_else() {
    let world = World::start().await;
    let issuer = world.issuer();
    for audience in [
        json!(format!("{issuer}/token")),
        json!(format!("{issuer}/")),
        json!([issuer, "https://other.example"]),
        json!("https://other.example"),
        json!([]),
        json!(null),
    ] {
        let mut claims = world.assertion("aud");
        claims["aud"] = audience;
        let jwt = world.client_key.sign(&claims);
        let reply = world.token(&WISH, Auth::Assertion(&jwt)).await;
        reply.refuses(401, "invalid_client");
    }
    let mut claims = world.assertion("single");
    claims["aud"] = json!([issuer]);
    let jwt = world.client_key.sign(&claims);
    assert_eq!(world.token(&WISH, Auth::Assertion(&jwt)).await.status, 200);
}

#[tokio::test]
async fn rfc7523_s3_4_an_assertion_expires_and_soon() {
    let values = [
        json!(now() - 1),
        json!(now() + 700),
        json!("soon"),
        json!(null),
    ];
    claim_is_refused("exp", values.to_vec()).await;
}

#[tokio::test]
async fn rfc7523_s3_5_an_assertion_is_not_taken_before_its_time() {
    claim_is_refused("nbf", vec![json!(now() + 60)]).await;
}

#[tokio::test]
async fn rfc7523_s3_6_an_assertion_of_long_ago_or_of_the_future_is_not_taken() {
    claim_is_refused("iat", vec![json!(now() + 60), json!(now() - 700)]).await;
}

#[tokio::test]
async fn rfc7523_s3_7_an_assertion_has_an_id() {
    let values = [json!(null), json!(""), json!("j".repeat(257)), json!(7)];
    claim_is_refused("jti", values.to_vec()).await;
}

#[tokio::test]
async fn rfc7523_s3_9_an_assertion_is_signed_by_the_clients_key() {
    let world = World::start().await;
    let header = json!({"alg": "ES256", "kid": "payout-1"});
    let good = world.client_key.sign_as(&header, &world.assertion("s1"));
    let cut = &good[..good.len() - 4];
    let (signed, _signature) = good.rsplit_once('.').unwrap();
    let unsigned = format!("{signed}.");
    let stranger = Key::new(77, "payout-1").sign(&world.assertion("s1"));
    for jwt in [cut, &unsigned, signed, &stranger] {
        let reply = world.token(&WISH, Auth::Assertion(jwt)).await;
        reply.refuses(401, "invalid_client");
    }
    assert_eq!(world.token(&WISH, Auth::Assertion(&good)).await.status, 200);
}

#[tokio::test]
async fn rfc7523_s3_the_application_of_another_key_is_not_the_client() {
    let world = World::start().await;
    // Signed by a key of `payout`, in the name of somebody else.
    let mut claims = world.assertion("x1");
    claims["iss"] = json!("worker");
    claims["sub"] = json!("worker");
    let jwt = world.client_key.sign(&claims);
    let reply = world.token(&WISH, Auth::Assertion(&jwt)).await;
    reply.refuses(401, "invalid_client");
}

#[tokio::test]
async fn rfc8725_s3_1_the_key_decides_the_algorithm() {
    let world = World::start().await;
    for header in [
        json!({"alg": "none", "kid": "payout-1"}),
        json!({"alg": "HS256", "kid": "payout-1"}),
        json!({"alg": "RS256", "kid": "payout-1"}),
        json!({"alg": "ES256", "kid": "other"}),
        json!({"alg": "ES256", "kid": "payout-1", "crit": ["exp"]}),
        json!({"alg": "ES256", "kid": "payout-1", "typ": "at+jwt"}),
        json!({"alg": "ES256", "kid": "payout-1", "typ": "dpop+jwt"}),
    ] {
        let jwt = world.client_key.sign_as(&header, &world.assertion("alg"));
        world
            .token(&WISH, Auth::Assertion(&jwt))
            .await
            .refuses(401, "invalid_client");
    }
    let typed = json!({"alg": "ES256", "kid": "payout-1", "typ": "client-authentication+jwt"});
    let typed = world.client_key.sign_as(&typed, &world.assertion("alg"));
    assert_eq!(
        world.token(&WISH, Auth::Assertion(&typed)).await.status,
        200,
        "failures used no jti up"
    );
}

#[tokio::test]
async fn rfc7521_s4_2_the_assertion_is_of_the_named_client_and_of_a_known_type() {
    let world = World::start().await;
    let jwt = world.client_key.sign(&world.assertion("n1"));
    let other = wish(&[("client_id", "worker")]);
    world
        .token(&other, Auth::Assertion(&jwt))
        .await
        .refuses(401, "invalid_client");
    let saml = wish(&[
        ("client_assertion", jwt.as_str()),
        (
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:saml2-bearer",
        ),
    ]);
    world
        .token(&saml, Auth::None)
        .await
        .refuses(401, "invalid_client");
}

#[tokio::test]
async fn rfc7523_s3_the_endpoint_as_audience_is_an_option_for_older_clients() {
    let config = caracal_sts::StsConfig {
        accept_endpoint_audience: true,
        ..caracal_sts::StsConfig::default()
    };
    let world = World::start_with(config).await;
    let mut claims = world.assertion("e1");
    claims["aud"] = json!(format!("{}/token", world.issuer()));
    let jwt = world.client_key.sign(&claims);
    assert_eq!(world.token(&WISH, Auth::Assertion(&jwt)).await.status, 200);
}
