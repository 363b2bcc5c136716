//! About tokens: RFC 7009, RFC 7662.

use serde_json::json;

use crate::support::jwt::claims;
use crate::support::{Auth, BANK, PAYOUT, PAYOUT_BASIC, WORKER_BASIC, World, wire};

async fn own(world: &World) -> String {
    let parameters = [
        ("grant_type", "client_credentials"),
        ("resource", BANK),
        ("scope", "accounts:read"),
    ];
    world.token(&parameters, PAYOUT_BASIC).await.token()
}

#[tokio::test]
async fn rfc7662_s2_2_an_active_token_is_described() {
    let world = World::start().await;
    let token = own(&world).await;
    let claims = claims(&token);
    for auth in [PAYOUT_BASIC, WORKER_BASIC] {
        let reply = world
            .post(
                "introspect",
                &[("token", &token), ("token_type_hint", "access_token")],
                auth,
            )
            .await;
        let answer = reply.json();
        for name in [
            "sub",
            "aud",
            "iss",
            "jti",
            "client_id",
            "scope",
            "exp",
            "iat",
            "cnf",
            "use",
        ] {
            assert_eq!(answer[name], claims[name], "{name}");
        }
        assert_eq!(
            (&answer["active"], &answer["token_type"]),
            (&json!(true), &json!("Bearer"))
        );
        assert_eq!(reply.header("cache-control"), Some("no-store"));
    }
}

#[tokio::test]
async fn rfc7662_s2_2_what_is_not_active_says_nothing_else() {
    let world = World::start().await;
    let token = own(&world).await;
    let revoked = own(&world).await;
    world
        .revoke(&format!(
            "mandate/{}",
            claims(&revoked)["jti"].as_str().unwrap()
        ))
        .await;
    let id_token = world.idp.sign(&World::id_token());
    let cut = &token[..token.len() - 4];
    for token in [revoked.as_str(), cut, "x", "a.b.c", &id_token] {
        let reply = world
            .post("introspect", &[("token", token)], PAYOUT_BASIC)
            .await;
        assert_eq!(
            (reply.status, reply.text.as_str()),
            (200, r#"{"active":false}"#),
            "{token:.20}"
        );
    }
}

#[tokio::test]
async fn rfc7662_s2_1_only_who_is_authenticated_may_ask() {
    let world = World::start().await;
    let token = own(&world).await;
    world
        .post("introspect", &[("token", &token)], Auth::None)
        .await
        .refuses(401, "invalid_client");
    world
        .post(
            "introspect",
            &[("token", &token)],
            Auth::Basic("payout", "cs_wrong"),
        )
        .await
        .refuses(401, "invalid_client");
    world
        .post("introspect", &[], PAYOUT_BASIC)
        .await
        .refuses(400, "invalid_request");
    let bearer = format!(
        "authorization: Bearer {token}\r\ncontent-type: application/x-www-form-urlencoded\r\n"
    );
    let body = wire::form(&[("token", &token)]);
    world
        .send(
            "POST",
            "/zones/acme/introspect",
            &bearer,
            body.as_bytes(),
            None,
        )
        .await
        .refuses(401, "invalid_client");
    assert_eq!(
        world
            .post(
                "introspect",
                &[("token", &token)],
                Auth::Certificate(PAYOUT)
            )
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn rfc7009_s2_2_a_client_revokes_its_token_and_reads_its_own_write() {
    let world = World::start().await;
    let token = own(&world).await;
    for _ in 0..2 {
        let reply = world
            .post(
                "revoke",
                &[("token", &token), ("token_type_hint", "whatever")],
                PAYOUT_BASIC,
            )
            .await;
        assert_eq!((reply.status, reply.text.as_str()), (200, ""));
        let state = world
            .post("introspect", &[("token", &token)], PAYOUT_BASIC)
            .await;
        assert_eq!(state.json(), json!({"active": false}));
    }
    let event = world
        .events()
        .await
        .into_iter()
        .find(|event| event.action == caracal_mandate::event::Action::Admin)
        .unwrap();
    assert_eq!(event.mandate.as_deref(), claims(&token)["jti"].as_str());
    let other = own(&world).await;
    let state = world
        .post("introspect", &[("token", &other)], PAYOUT_BASIC)
        .await;
    assert_eq!(
        state.json()["active"],
        true,
        "only the token is revoked, not its session"
    );
}

#[tokio::test]
async fn rfc7009_s2_1_the_token_of_another_client_is_left_alone() {
    let world = World::start().await;
    let token = own(&world).await;
    let reply = world
        .post("revoke", &[("token", &token)], WORKER_BASIC)
        .await;
    assert_eq!((reply.status, reply.text.as_str()), (200, ""));
    let state = world
        .post("introspect", &[("token", &token)], PAYOUT_BASIC)
        .await;
    assert_eq!(state.json()["active"], true);
}

#[tokio::test]
async fn rfc7009_s2_2_an_unknown_token_is_as_good_as_revoked() {
    let world = World::start().await;
    for token in ["x", "a.b.c"] {
        let reply = world
            .post("revoke", &[("token", token)], PAYOUT_BASIC)
            .await;
        assert_eq!((reply.status, reply.text.as_str()), (200, ""));
    }
    world
        .post("revoke", &[("token", "x")], Auth::None)
        .await
        .refuses(401, "invalid_client");
    world
        .post("revoke", &[], PAYOUT_BASIC)
        .await
        .refuses(400, "invalid_request");
}
