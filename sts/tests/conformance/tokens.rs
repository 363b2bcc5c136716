//! About tokens: RFC 7009, RFC 7662.

use serde_json::json;

use crate::support::jwt::claims;
use crate::support::{
    ACCESS_TOKEN, Auth, BANK, DELEGATION, ID_TOKEN, PAYOUT, PAYOUT_BASIC, WORKER_BASIC, World, wire,
};

#[tokio::test]
async fn rfc7662_s2_2_an_active_token_is_described() {
    let world = World::start().await;
    let token = world.own(PAYOUT_BASIC, "accounts:read").await;
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
    let token = world.own(PAYOUT_BASIC, "accounts:read").await;
    let revoked = world.own(PAYOUT_BASIC, "accounts:read").await;
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
    let token = world.own(PAYOUT_BASIC, "accounts:read").await;
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
async fn rfc7662_s2_1_the_token_is_required() {
    let world = World::start().await;
    for parameters in [
        &[][..],
        &[("token", "")],
        &[("token_type_hint", "access_token")],
    ] {
        let reply = world.post("introspect", parameters, PAYOUT_BASIC).await;
        reply.refuses(400, "invalid_request");
    }
}

#[tokio::test]
async fn rfc7662_s2_1_a_wrong_hint_hides_no_token() {
    let world = World::start().await;
    let token = world.own(PAYOUT_BASIC, "accounts:read").await;
    for hint in ["refresh_token", "whatever"] {
        let parameters = [("token", token.as_str()), ("token_type_hint", hint)];
        let reply = world.post("introspect", &parameters, PAYOUT_BASIC).await;
        assert_eq!(reply.json()["active"], true, "{hint}");
    }
}

#[tokio::test]
async fn rfc7662_s2_1_only_post_is_served() {
    let world = World::start().await;
    for endpoint in ["introspect", "revoke"] {
        let reply = world.get(&format!("/zones/acme/{endpoint}?token=x")).await;
        assert_eq!((reply.status, reply.header("allow")), (405, Some("POST")));
    }
}

#[tokio::test]
async fn rfc7662_s2_2_a_token_of_another_zone_is_not_active() {
    let world = World::start().await;
    world.empty_zone().await;
    let token = world.own(PAYOUT_BASIC, "accounts:read").await;
    let basic = wire::basic("payout", crate::support::PAYOUT_SECRET);
    let headers = format!("{basic}content-type: application/x-www-form-urlencoded\r\n");
    let body = wire::form(&[("token", &token)]);
    let path = "/zones/empty/introspect";
    let reply = world
        .send("POST", path, &headers, body.as_bytes(), None)
        .await;
    assert_eq!(
        (reply.status, reply.text.as_str()),
        (200, r#"{"active":false}"#)
    );
}

#[tokio::test]
async fn rfc8693_s4_1_introspection_says_who_acts() {
    let world = World::start().await;
    let id_token = world.idp.sign(&World::id_token());
    let more = [("resource", BANK), ("scope", "accounts:read")];
    let token = world
        .exchange(&id_token, ID_TOKEN, &more, PAYOUT_BASIC)
        .await
        .token();
    let answer = world.introspect(&token).await;
    assert_eq!(answer["act"], json!({"sub": "payout"}));
    assert_eq!(answer["sub"], "user:corp:alice");
    let more = [
        ("resource", BANK),
        ("requested_token_type", DELEGATION),
        ("audience", "worker"),
    ];
    let delegation = world.issue(&more, PAYOUT_BASIC).await.token();
    let answer = world.introspect(&delegation).await;
    assert_eq!(answer["may_act"], json!({"sub": "worker"}), "RFC 8693 §4.4");
}

#[tokio::test]
async fn rfc7009_s2_2_a_client_revokes_its_token_and_reads_its_own_write() {
    let world = World::start().await;
    let token = world.own(PAYOUT_BASIC, "accounts:read").await;
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
    let other = world.own(PAYOUT_BASIC, "accounts:read").await;
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
    let token = world.own(PAYOUT_BASIC, "accounts:read").await;
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
}

#[tokio::test]
async fn rfc7009_s2_1_only_who_is_authenticated_may_revoke() {
    let world = World::start().await;
    let token = world.own(PAYOUT_BASIC, "accounts:read").await;
    for auth in [Auth::None, Auth::Basic("payout", "cs_wrong")] {
        let reply = world.post("revoke", &[("token", &token)], auth).await;
        reply.refuses(401, "invalid_client");
    }
    assert_eq!(world.introspect(&token).await["active"], true);
}

#[tokio::test]
async fn rfc7009_s2_1_the_token_is_required() {
    let world = World::start().await;
    let reply = world.post("revoke", &[], PAYOUT_BASIC).await;
    reply.refuses(400, "invalid_request");
}

#[tokio::test]
async fn rfc7009_s2_1_what_was_made_from_a_revoked_token_is_revoked_too() {
    let world = World::start().await;
    let parent = world.own(PAYOUT_BASIC, "accounts:read").await;
    let reply = world
        .exchange(&parent, ACCESS_TOKEN, &[], PAYOUT_BASIC)
        .await;
    let child = reply.token();
    assert_eq!(world.introspect(&child).await["active"], true);
    let reply = world
        .post("revoke", &[("token", &parent)], PAYOUT_BASIC)
        .await;
    assert_eq!(reply.status, 200);
    assert_eq!(world.introspect(&child).await, json!({"active": false}));
}

#[tokio::test]
async fn rfc7009_s2_2_1_what_cannot_be_revoked_now_is_to_be_tried_again() {
    let world = World::start().await;
    let token = world.own(PAYOUT_BASIC, "accounts:read").await;
    world.store.close().await;
    let reply = world
        .post("revoke", &[("token", &token)], PAYOUT_BASIC)
        .await;
    reply.refuses(503, "temporarily_unavailable");
    assert_eq!(reply.header("retry-after"), Some("1"));
}
