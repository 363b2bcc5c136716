//! Delegation: RFC 8693 §4.

use serde_json::{Value, json};

use crate::support::jwt::claims;
use crate::support::{
    ACCESS_TOKEN, Auth, BANK, DELEGATION, ID_TOKEN, PAYOUT_BASIC, WORKER, WORKER_BASIC, World,
};

/// A mandate of `payout` that `worker` may redeem.
async fn delegation(world: &World, scope: &str) -> String {
    let id_token = world.idp.sign(&World::id_token());
    let more = [
        ("resource", BANK),
        ("requested_token_type", DELEGATION),
        ("audience", "worker"),
        ("scope", scope),
    ];
    world
        .exchange(&id_token, ID_TOKEN, &more, PAYOUT_BASIC)
        .await
        .token()
}

fn depth(token: &str) -> u64 {
    let claims = claims(token);
    claims["mdt"]["ch"].as_array().unwrap().last().unwrap()[5]
        .as_u64()
        .unwrap()
}

#[tokio::test]
async fn rfc8693_s4_4_a_delegation_is_redeemed_by_the_application_that_it_names() {
    let world = World::start().await;
    let id_token = world.idp.sign(&World::id_token());
    let more = [
        ("resource", BANK),
        ("requested_token_type", DELEGATION),
        ("audience", "worker"),
        ("scope", "accounts:read"),
    ];
    let reply = world
        .exchange(&id_token, ID_TOKEN, &more, PAYOUT_BASIC)
        .await;
    assert_eq!(
        (
            &reply.json()["issued_token_type"],
            &reply.json()["token_type"]
        ),
        (&json!(DELEGATION), &json!("N_A"))
    );
    let parent = reply.token();
    assert_eq!(
        (&claims(&parent)["may_act"], &claims(&parent)["use"]),
        (&json!({"sub": "worker"}), &json!("delegate"))
    );
    let child = world
        .exchange(&parent, DELEGATION, &[], WORKER_BASIC)
        .await
        .token();
    let child = claims(&child);
    assert_eq!(
        (
            &child["sub"],
            &child["client_id"],
            &child["cnf"]["spiffe_id"]
        ),
        (&json!("user:corp:alice"), &json!("worker"), &json!(WORKER))
    );
    assert_eq!(
        (&child["use"], &child["scope"]),
        (&json!("execute"), &json!("accounts:read"))
    );
    assert_eq!(child["from"], json!([claims(&parent)["jti"]]));
    assert_eq!(child["mdt"]["ch"].as_array().unwrap().len(), 2);
    for auth in [
        PAYOUT_BASIC,
        Auth::Basic("twin", crate::support::TWIN_SECRET),
    ] {
        let reply = world.exchange(&parent, DELEGATION, &[], auth).await;
        assert_eq!(reply.status, 400, "{}", reply.text);
    }
    world
        .exchange(
            &parent,
            DELEGATION,
            &[("scope", "accounts:read payments:write")],
            WORKER_BASIC,
        )
        .await
        .refuses(400, "invalid_scope");
    world
        .exchange(
            &parent,
            DELEGATION,
            &[("resource", "https://mail.internal")],
            WORKER_BASIC,
        )
        .await
        .refuses(400, "invalid_target");
}

#[tokio::test]
async fn rfc8693_s4_1_who_acts_is_outermost_and_who_acted_before_is_inside() {
    let world = World::start().await;
    let parent = delegation(&world, "accounts:read").await;
    assert_eq!(claims(&parent)["act"], json!({"sub": "payout"}));
    let reply = world.exchange(&parent, DELEGATION, &[], WORKER_BASIC).await;
    let actors = &claims(&reply.token())["act"];
    // Identity and nothing else: no exp, nbf or aud inside.
    assert_eq!(*actors, json!({"sub": "worker", "act": {"sub": "payout"}}));
}

#[tokio::test]
async fn rfc8693_s4_1_who_acted_before_has_no_say() {
    let world = World::start().await;
    let parent = delegation(&world, "accounts:read").await;
    let child = world
        .exchange(&parent, DELEGATION, &[], WORKER_BASIC)
        .await
        .token();
    // `payout` stands in `act`, and the mandate is still not its own.
    let reply = world
        .exchange(&child, ACCESS_TOKEN, &[], PAYOUT_BASIC)
        .await;
    reply.refuses(400, "invalid_request");
    let reply = world
        .post("revoke", &[("token", &child)], PAYOUT_BASIC)
        .await;
    assert_eq!(reply.status, 200);
    assert_eq!(world.introspect(&child).await["active"], true);
}

#[tokio::test]
async fn a_delegation_lasts_as_long_as_everything_that_it_descends_from() {
    for target in ["mandate", "session", "grant", "application"] {
        let world = World::start().await;
        let parent = delegation(&world, "accounts:read").await;
        let redeem = async || world.exchange(&parent, DELEGATION, &[], WORKER_BASIC).await;
        let child = redeem().await.token();
        let said = claims(&parent);
        let id = match target {
            "mandate" => said["jti"].as_str().unwrap(),
            "session" => said["sid"].as_str().unwrap(),
            "grant" => said["grant"].as_str().unwrap(),
            _ => "payout",
        };
        world.revoke(&format!("{target}/{id}")).await;
        assert_eq!(redeem().await.status, 400, "{target}");
        let state = world
            .post("introspect", &[("token", &child)], WORKER_BASIC)
            .await;
        assert_eq!(state.json(), json!({"active": false}), "{target}");
    }
}

#[tokio::test]
async fn a_delegation_is_passed_on_until_its_depth_is_used_up() {
    let world = World::start().await;
    let mut token = delegation(&world, "accounts:read").await;
    let mut depths = vec![depth(&token)];
    let more = [("requested_token_type", DELEGATION), ("audience", "twin")];
    token = world
        .exchange(&token, DELEGATION, &more, WORKER_BASIC)
        .await
        .token();
    depths.push(depth(&token));
    assert_eq!(depths, [5, 4]);
    let back = [("requested_token_type", DELEGATION), ("audience", "payout")];
    let twin = Auth::Certificate(crate::support::TWIN_A);
    token = world
        .exchange(&token, DELEGATION, &back, twin)
        .await
        .token();
    assert_eq!(depth(&token), 3);
    let round = world.exchange(&token, DELEGATION, &[], PAYOUT_BASIC).await;
    round.refuses(400, "invalid_request");
    assert_eq!(
        round.json()["reason"],
        "delegation_denied",
        "no session stands in a chain twice"
    );
}

#[tokio::test]
async fn an_application_delegates_its_own_authority() {
    let world = World::start().await;
    let parameters = [
        ("grant_type", "client_credentials"),
        ("resource", BANK),
        ("scope", "accounts:read"),
        ("requested_token_type", DELEGATION),
        ("audience", "worker"),
    ];
    let parent = world.token(&parameters, PAYOUT_BASIC).await.token();
    let child = world
        .exchange(&parent, DELEGATION, &[], WORKER_BASIC)
        .await
        .token();
    let child = claims(&child);
    assert_eq!(
        (&child["sub"], &child["client_id"]),
        (&json!("payout"), &json!("worker"))
    );
    assert_eq!(child["act"], json!({"sub": "worker"}));
    assert_eq!(
        child["grant"], "grt_payout_bank",
        "the root's grant, until it is revoked"
    );
}

#[tokio::test]
async fn rfc8693_s1_1_an_actor_token_is_the_authenticated_clients_own() {
    let world = World::start().await;
    world
        .grant("grt_worker_bank", "worker", "bank", "accounts:read", None)
        .await;
    let parent = delegation(&world, "accounts:read").await;
    let worker = world.own(WORKER_BASIC, "accounts:read").await;
    let payout = world.own(PAYOUT_BASIC, "accounts:read").await;
    let with = async |actor: &str| {
        world
            .exchange(
                &parent,
                DELEGATION,
                &[("actor_token", actor), ("actor_token_type", ACCESS_TOKEN)],
                WORKER_BASIC,
            )
            .await
    };
    let token = with(&worker).await.token();
    let from: Vec<_> = claims(&token)["from"]
        .as_array()
        .unwrap()
        .iter()
        .map(Value::to_string)
        .collect();
    assert!(
        from.contains(&claims(&worker)["jti"].to_string()),
        "it dies with the actor token too"
    );
    // The splice: a subject of one story, an actor of another.
    for actor in [payout.as_str(), parent.as_str(), "x"] {
        with(actor).await.refuses(400, "invalid_request");
    }
}

#[tokio::test]
async fn rfc8693_s2_2_2_an_actor_token_that_is_not_good_is_invalid_request() {
    let world = World::start().await;
    let parent = delegation(&world, "accounts:read").await;
    world
        .grant("grt_worker_bank", "worker", "bank", "accounts:read", None)
        .await;
    let actor = world.own(WORKER_BASIC, "accounts:read").await;
    let jti = claims(&actor)["jti"].as_str().unwrap().to_owned();
    world.revoke(&format!("mandate/{jti}")).await;
    for actor in [actor.as_str(), "a.b.c"] {
        let more = [("actor_token", actor), ("actor_token_type", ACCESS_TOKEN)];
        let reply = world
            .exchange(&parent, DELEGATION, &more, WORKER_BASIC)
            .await;
        reply.refuses(400, "invalid_request");
        assert_eq!(reply.json()["reason"], "actor_invalid");
    }
}

#[tokio::test]
async fn rfc8693_s1_1_nobody_is_its_own_actor() {
    let world = World::start().await;
    let payout = world.own(PAYOUT_BASIC, "accounts:read").await;
    let more = [
        ("actor_token", payout.as_str()),
        ("actor_token_type", ACCESS_TOKEN),
    ];
    let reply = world
        .exchange(&payout, ACCESS_TOKEN, &more, PAYOUT_BASIC)
        .await;
    reply.refuses(400, "invalid_request");
}

#[tokio::test]
async fn an_execution_mandate_delegates_nothing() {
    let world = World::start().await;
    let own = world.own(PAYOUT_BASIC, "accounts:read").await;
    let more = [("requested_token_type", DELEGATION), ("audience", "worker")];
    let reply = world
        .exchange(&own, ACCESS_TOKEN, &more, PAYOUT_BASIC)
        .await;
    reply.refuses(400, "invalid_request");
    assert_eq!(reply.json()["reason"], "delegation_denied");
    let id_token = world.idp.sign(&World::id_token());
    for audience in [None, Some("nobody"), Some("bank")] {
        let mut more = vec![("resource", BANK), ("requested_token_type", DELEGATION)];
        more.extend(audience.map(|audience| ("audience", audience)));
        world
            .exchange(&id_token, ID_TOKEN, &more, PAYOUT_BASIC)
            .await
            .refuses(400, "invalid_target");
    }
}
