//! Sessions that an administrator declared: labels, lifetimes, heartbeats, taking over, and what is passed on
//! in one of them.

use std::time::Duration;

use caracal_store::CommitError;
use caracal_store::model::{Change, Delegation};
use serde_json::{Value, json};

use crate::called::{act, call, strangers};
use crate::support::jwt::claims;
use crate::support::{
    Auth, BANK, PAYOUT, PAYOUT_BASIC, Reply, TWIN_A, TWIN_SECRET, WISH, WORKER, WORKER_BASIC,
    World, now,
};

async fn ask(world: &World) -> Reply {
    world.token(&WISH, PAYOUT_BASIC).await
}

fn refused(reply: &Reply, reason: &str) {
    assert_eq!(reply.json()["reason"], reason, "{}", reply.text);
}

async fn declare(world: &World, id: &str, terms: Value, takes_over: bool) -> u64 {
    let declared = world.declare((id, "payout", PAYOUT), None, terms, takes_over);
    declared.await.unwrap()
}

async fn beat(world: &World, session: &str, auth: Auth<'_>) -> Reply {
    world
        .post("session/heartbeat", &[("session", session)], auth)
        .await
}

#[tokio::test]
async fn policies_read_labels_that_only_an_administrator_sets() {
    let world = World::start().await;
    world
        .activate(
            r#"package caracal.policy
default allow := false
allow if input.session.labels.tier == "1"
deny contains "session_missing" if not input.session.declared
"#,
        )
        .await;
    refused(&ask(&world).await, "session_missing");
    declare(&world, "ses_plain", json!({"labels": {"tier": "2"}}), true).await;
    refused(&ask(&world).await, "policy_denied");
    declare(&world, "ses_tier", json!({"labels": {"tier": "1"}}), true).await;
    assert_eq!(claims(&ask(&world).await.token())["sid"], "ses_tier");
    world.revoke("session/ses_tier").await;
    refused(&ask(&world).await, "session_missing");
}

#[tokio::test]
async fn labels_hold_for_whoever_acts_on_behalf_of_the_session() {
    let world = strangers().await;
    world
        .activate(
            r#"package caracal.policy
default allow := false
allow if input.session.labels.run == "nightly"
"#,
        )
        .await;
    delegate(&world, json!({"id": "dlg_bank"})).await;
    declare(
        &world,
        "ses_run",
        json!({"labels": {"run": "nightly"}}),
        false,
    )
    .await;
    let called_with = call(&world).await;
    let reply = act(&world, &called_with, BANK, "accounts:read", WORKER_BASIC).await;
    let child = claims(&reply.token());
    assert_ne!(child["sid"], "ses_run");
    assert_eq!(child["mdt"]["ch"][0][0], "ses_run");
}

#[tokio::test]
async fn a_declared_session_bounds_its_mandates_and_is_over_when_its_time_is() {
    let world = World::start().await;
    let ends = now() + 3;
    declare(&world, "ses_short", json!({"expires_at": ends}), false).await;
    let mandate = claims(&ask(&world).await.token());
    assert_eq!(mandate["sid"], "ses_short");
    assert_eq!(mandate["exp"], ends);
    tokio::time::sleep(Duration::from_millis(3200)).await;
    refused(&ask(&world).await, "session_expired");
    // It is not got around by one that opens by itself, and ends when somebody ends it.
    world.revoke("session/ses_short").await;
    assert_ne!(claims(&ask(&world).await.token())["sid"], "ses_short");
}

#[tokio::test]
async fn a_lease_lasts_as_long_as_its_heartbeats() {
    let world = World::start().await;
    let fence = declare(&world, "ses_leased", json!({"lease_s": 5}), false).await;
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(2500)).await;
        let reply = beat(&world, "ses_leased", PAYOUT_BASIC).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        assert_eq!(reply.json()["fence"], fence);
        assert_eq!(reply.json()["expires_in"], 5);
        let mandate = claims(&ask(&world).await.token());
        let left = mandate["exp"].as_u64().unwrap() - now();
        assert!((1..=5).contains(&left), "{left} s, no more than the lease");
    }
    tokio::time::sleep(Duration::from_millis(5200)).await;
    refused(&ask(&world).await, "session_expired");
    // Somebody else may have gone on: it does not come back.
    let late = beat(&world, "ses_leased", PAYOUT_BASIC).await;
    refused(&late, "session_expired");
    let later = declare(&world, "ses_next", json!({"lease_s": 5}), true).await;
    assert!(later > fence);
    assert_eq!(claims(&ask(&world).await.token())["sid"], "ses_next");
}

#[tokio::test]
async fn who_was_taken_over_is_refused_with_everything_that_it_still_holds() {
    let world = World::start().await;
    let opened = ask(&world).await.token();
    let there = world.declare(("ses_1", "payout", PAYOUT), None, json!({}), false);
    let error = there.await.unwrap_err();
    let session = claims(&opened)["sid"].as_str().unwrap().to_owned();
    assert!(matches!(error, CommitError::InSession(id) if id == session));
    declare(&world, "ses_1", json!({"lease_s": 60}), true).await;
    assert_eq!(world.introspect(&opened).await["active"], false);
    let zombie = ask(&world).await.token();
    declare(&world, "ses_2", json!({"lease_s": 60}), true).await;
    assert_eq!(world.introspect(&zombie).await["active"], false);
    refused(
        &beat(&world, "ses_1", PAYOUT_BASIC).await,
        "holder_mismatch",
    );
    let heir = ask(&world).await.token();
    assert_eq!(claims(&heir)["sid"], "ses_2");
    assert_eq!(world.introspect(&heir).await["active"], true);
}

#[tokio::test]
async fn heartbeats_are_the_workloads_own() {
    let world = World::start().await;
    declare(&world, "ses_leased", json!({"lease_s": 60}), false).await;
    let twin = world.declare(("ses_twin", "twin", TWIN_A), None, json!({}), false);
    twin.await.unwrap();
    for (session, auth) in [
        ("ses_leased", WORKER_BASIC),
        ("ses_leased", Auth::Basic("twin", TWIN_SECRET)),
        ("ses_unknown", PAYOUT_BASIC),
        ("ses_twin", PAYOUT_BASIC),
    ] {
        let reply = beat(&world, session, auth).await;
        assert_eq!(reply.status, 400, "{session}: {}", reply.text);
    }
    let nobody = beat(&world, "ses_leased", Auth::Basic("payout", "cs_wrong")).await;
    assert_eq!(nobody.json()["error"], "invalid_client");
    let nothing = world.post("session/heartbeat", &[], PAYOUT_BASIC).await;
    assert_eq!(nothing.json()["error"], "invalid_request");
    let unknown = [("session", "ses_leased"), ("token", "x")];
    let unknown = world.post("session/heartbeat", &unknown, PAYOUT_BASIC);
    assert_eq!(unknown.await.json()["error"], "invalid_request");
}

async fn delegate(world: &World, more: Value) {
    let mut delegation = json!({"id": "", "from": "payout", "to": "worker", "resource": "bank",
        "scopes": ["accounts:read"], "expires_at": null, "max_lifetime": null, "max_depth": 0});
    let (members, more) = (
        delegation.as_object_mut().unwrap(),
        more.as_object().unwrap(),
    );
    members.extend(more.clone());
    let delegation: Delegation = serde_json::from_value(delegation).unwrap();
    let seq = world.commit(Change::DelegationCreated(delegation)).await;
    world.applied(seq).await;
}

#[tokio::test]
async fn a_delegation_of_one_session_is_of_no_other_and_ends_with_it() {
    let world = strangers().await;
    declare(&world, "ses_one", json!({}), false).await;
    delegate(&world, json!({"id": "dlg_one", "from_session": "ses_one"})).await;
    let read = async |called_with: &str| {
        let scope = "accounts:read";
        act(&world, called_with, BANK, scope, WORKER_BASIC).await
    };
    let called_with = call(&world).await;
    let child = read(&called_with).await.token();
    assert_eq!(claims(&child)["mdt"]["ch"][1][2], "dlg_one");
    declare(&world, "ses_two", json!({}), true).await;
    assert_eq!(world.introspect(&child).await["active"], false);
    refused(&read(&called_with).await, "subject_invalid");
    // The next one was given nothing to pass on.
    let called_with = call(&world).await;
    assert_eq!(claims(&called_with).get("may_act"), None);
    refused(&read(&called_with).await, "subject_invalid");
}

#[tokio::test]
async fn a_delegation_to_one_session_is_for_what_was_declared_there() {
    let world = strangers().await;
    declare(&world, "ses_boss", json!({}), false).await;
    let worker = ("ses_worker", "worker", WORKER);
    let parent = Some("ses_boss");
    world
        .declare(worker, parent, json!({}), false)
        .await
        .unwrap();
    delegate(&world, json!({"id": "dlg_one", "to_session": "ses_worker"})).await;
    let called_with = call(&world).await;
    let read = async || act(&world, &called_with, BANK, "accounts:read", WORKER_BASIC).await;
    assert_eq!(claims(&read().await.token())["sid"], "ses_worker");
    world.revoke("session/ses_worker").await;
    // By itself it is in another one now.
    refused(&read().await, "delegation_missing");
}
