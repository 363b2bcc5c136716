//! Who is called acts with what its caller holds, as far as a delegation lets it: RFC 8693 §4.4, where the
//! call itself is what passes authority on.

use caracal_mandate::event::Outcome;
use caracal_mandate::revocation::RevocationId;
use caracal_store::model::{
    Application, Change, Delegation, Proof, RevocationTarget, SecretHash, Suspension,
};
use serde_json::{Value, json};

use crate::support::jwt::claims;
use crate::support::{ACCESS_TOKEN, Auth, BANK, PAYOUT_BASIC, Reply, WORKER, WORKER_BASIC, World};

pub(crate) const WORKER_API: &str = "https://worker-api.internal";
pub(crate) const CLERK_API: &str = "https://clerk-api.internal";
const PAYOUT_API: &str = "https://payout-api.internal";
const CLERK: &str = "spiffe://d.example/ns/agents/sa/clerk";
const CLERK_SECRET: &str = "cs_9123456789abcdefghijklmnopqrstuvwxyzABCDEFG";
pub(crate) const CLERK_BASIC: Auth<'static> = Auth::Basic("clerk", CLERK_SECRET);

/// `payout`, `worker` and `clerk`, each of whom answers at a resource of its own. `payout` may call all of
/// them, and nobody delegated anything to anybody.
pub(crate) async fn strangers() -> World {
    let world = World::start().await;
    world
        .commit(Change::ApplicationCreated(Application {
            name: "clerk".parse().unwrap(),
            spiffe_ids: vec![CLERK.parse().unwrap()],
        }))
        .await;
    let sha256 = SecretHash::of(CLERK_SECRET);
    world
        .credential("crd_clerk", "clerk", Proof::Secret { sha256 })
        .await;
    for name in ["worker", "clerk", "payout"] {
        let api = format!("{name}-api");
        let resource = json!({"name": api, "uri": format!("https://{api}.internal"),
            "hosts": [format!("{api}.internal")], "application": name, "operations": [
                {"name": "call", "method": "POST", "path": "/", "scopes": [format!("{name}:call")]}]});
        world
            .commit(Change::ResourcePut(
                serde_json::from_value(resource).unwrap(),
            ))
            .await;
        let (grant, scope) = (format!("grt_payout_{name}"), format!("{name}:call"));
        world.grant(&grant, "payout", &api, &scope, None).await;
    }
    world
}

/// `payout` may have `worker` read and pay at the bank and call `clerk`, whom `worker` may have read there.
async fn agents() -> World {
    let world = strangers().await;
    for (id, from, to, resource, scopes, max_depth) in [
        (
            "dlg_bank",
            "payout",
            "worker",
            "bank",
            "accounts:read payments:write",
            2,
        ),
        (
            "dlg_clerk",
            "payout",
            "worker",
            "clerk-api",
            "clerk:call",
            1,
        ),
        (
            "dlg_back",
            "payout",
            "worker",
            "payout-api",
            "payout:call",
            1,
        ),
        ("dlg_further", "worker", "clerk", "bank", "accounts:read", 0),
    ] {
        delegate(&world, id, (from, to), (resource, scopes), max_depth).await;
    }
    world
}

async fn delegate(
    world: &World,
    id: &str,
    (from, to): (&str, &str),
    (resource, scopes): (&str, &str),
    max_depth: u8,
) {
    let delegation = json!({"id": id, "from": from, "to": to, "resource": resource,
        "scopes": scopes.split(' ').collect::<Vec<_>>(), "expires_at": null, "max_lifetime": null,
        "max_depth": max_depth});
    let delegation: Delegation = serde_json::from_value(delegation).unwrap();
    let seq = world.commit(Change::DelegationCreated(delegation)).await;
    world.applied(seq).await;
}

/// A mandate with which `payout` calls `worker`.
pub(crate) async fn call(world: &World) -> String {
    let more = [("resource", WORKER_API), ("scope", "worker:call")];
    world.issue(&more, PAYOUT_BASIC).await.token()
}

/// What an application gets elsewhere with the mandate that it was called with.
pub(crate) async fn act(
    world: &World,
    called_with: &str,
    at: &str,
    scope: &str,
    auth: Auth<'_>,
) -> Reply {
    let more = [("resource", at), ("scope", scope)];
    world.exchange(called_with, ACCESS_TOKEN, &more, auth).await
}

fn refused(reply: &Reply, reason: &str) {
    assert_eq!(reply.json()["reason"], reason, "{}", reply.text);
}

async fn change(world: &World, change: impl FnOnce(Suspension) -> Change, target: &str) {
    let target: RevocationTarget = target.parse().unwrap();
    let RevocationId(id) = target
        .revocation_id(&"acme".parse().unwrap(), None)
        .unwrap();
    let seq = world.commit(change(Suspension { target, id })).await;
    world.applied(seq).await;
}

#[tokio::test]
async fn who_is_called_needs_no_grant_and_has_nothing_without_the_call() {
    let world = agents().await;
    let own = [("resource", BANK), ("scope", "accounts:read")];
    refused(&world.issue(&own, WORKER_BASIC).await, "no_grant");
    let called_with = call(&world).await;
    let caller = claims(&called_with);
    assert_eq!(caller["may_act"], json!({"sub": "worker"}));
    assert_eq!(caller["use"], "execute");
    let reply = act(&world, &called_with, BANK, "accounts:read", WORKER_BASIC).await;
    let child = claims(&reply.token());
    assert_eq!(
        (&child["sub"], &child["client_id"], &child["scope"]),
        (&json!("payout"), &json!("worker"), &json!("accounts:read"))
    );
    assert_eq!(child["act"], json!({"sub": "worker"}));
    assert_eq!(child["cnf"]["spiffe_id"], WORKER);
    assert_eq!(child["grant"], "grt_payout_bank", "the root's");
    assert_eq!(child["from"], json!([caller["jti"]]));
    assert_eq!(child.get("may_act"), None, "the bank is no agent");
    let hops = child["mdt"]["ch"].as_array().unwrap();
    assert_eq!(
        hops[0], caller["mdt"]["ch"][0],
        "appended to, never rebuilt"
    );
    assert_eq!(
        (&hops[1][1], &hops[1][2]),
        (&json!("worker"), &json!("dlg_bank"))
    );
    assert_ne!(child["sid"], caller["sid"]);
    assert!(child["exp"].as_u64() <= caller["exp"].as_u64());
    let again = act(&world, &called_with, BANK, "payments:write", WORKER_BASIC).await;
    assert_eq!(
        claims(&again.token())["sid"],
        child["sid"],
        "one session for both"
    );
}

#[tokio::test]
async fn authority_goes_down_the_calls_and_becomes_less() {
    let world = agents().await;
    let called_with = call(&world).await;
    let second = act(&world, &called_with, CLERK_API, "clerk:call", WORKER_BASIC).await;
    let second = second.token();
    let claimed = claims(&second);
    assert_eq!(claimed["may_act"], json!({"sub": "clerk"}));
    assert_eq!(
        claimed["mdt"]["ch"][1][5], 1,
        "no deeper than the delegation says"
    );
    let clerk = async |scope: &str| act(&world, &second, BANK, scope, CLERK_BASIC).await;
    let third = claims(&clerk("accounts:read").await.token());
    assert_eq!(third["cnf"]["spiffe_id"], CLERK);
    let hops = third["mdt"]["ch"].as_array().unwrap();
    let applications: Vec<&Value> = hops.iter().map(|hop| &hop[1]).collect();
    assert_eq!(json!(applications), json!(["payout", "worker", "clerk"]));
    assert_eq!(
        third["act"],
        json!({"sub": "clerk", "act": {"sub": "worker"}})
    );
    assert_eq!(third["from"].as_array().unwrap().len(), 2);
    refused(&clerk("payments:write").await, "scope_exceeded");
}

#[tokio::test]
async fn each_way_to_more_is_refused_with_a_reason_of_its_own() {
    let world = agents().await;
    let called_with = call(&world).await;
    let at_bank = async |scope: &str, auth| act(&world, &called_with, BANK, scope, auth).await;
    refused(
        &at_bank("payments:freeze", WORKER_BASIC).await,
        "scope_exceeded",
    );
    refused(
        &at_bank("accounts:read payments:freeze", WORKER_BASIC).await,
        "scope_exceeded",
    );
    // Not the one that was called.
    refused(
        &at_bank("accounts:read", CLERK_BASIC).await,
        "subject_invalid",
    );
    let vault = act(
        &world,
        &called_with,
        "https://vault.internal",
        "secrets:read",
        WORKER_BASIC,
    );
    refused(&vault.await, "delegation_missing");
    // Round in a ring: who is in the chain already gains nothing by being called again.
    let back = act(
        &world,
        &called_with,
        PAYOUT_API,
        "payout:call",
        WORKER_BASIC,
    )
    .await;
    delegate(
        &world,
        "dlg_ring",
        ("worker", "payout"),
        ("bank", "accounts:read"),
        0,
    )
    .await;
    assert_eq!(claims(&back.token()).get("may_act"), None);
    let back = act(
        &world,
        &called_with,
        PAYOUT_API,
        "payout:call",
        WORKER_BASIC,
    )
    .await;
    let ring = act(&world, &back.token(), BANK, "accounts:read", PAYOUT_BASIC).await;
    refused(&ring, "delegation_cycle");
    // What the worker obtained at the bank is no call of anybody.
    let child = at_bank("accounts:read", WORKER_BASIC).await.token();
    let spliced = act(&world, &child, BANK, "accounts:read", CLERK_BASIC).await;
    refused(&spliced, "subject_invalid");
}

#[tokio::test]
async fn what_nobody_may_pass_on_is_not_passed_on() {
    let world = World::start().await;
    let api = json!({"name": "worker-api", "uri": WORKER_API, "hosts": ["worker-api.internal"],
        "application": "worker", "operations": [
            {"name": "call", "method": "POST", "path": "/", "scopes": ["worker:call"]}]});
    world
        .commit(Change::ResourcePut(serde_json::from_value(api).unwrap()))
        .await;
    world
        .grant("grt_call", "payout", "worker-api", "worker:call", None)
        .await;
    let alone = call(&world).await;
    assert_eq!(claims(&alone).get("may_act"), None);
    assert_eq!(claims(&alone)["mdt"]["R"], json!([WORKER_API]));
    let reply = act(&world, &alone, BANK, "accounts:read", WORKER_BASIC).await;
    refused(&reply, "subject_invalid");
    // More than the caller holds itself, whatever the delegation says.
    delegate(
        &world,
        "dlg_vault",
        ("payout", "worker"),
        ("vault", "secrets:read"),
        0,
    )
    .await;
    delegate(
        &world,
        "dlg_bank",
        ("payout", "worker"),
        ("bank", "accounts:read"),
        0,
    )
    .await;
    let called_with = call(&world).await;
    assert_eq!(claims(&called_with)["mdt"]["R"], json!([BANK, WORKER_API]));
    let vault = "https://vault.internal";
    let reply = act(&world, &called_with, vault, "secrets:read", WORKER_BASIC).await;
    refused(&reply, "scope_exceeded");
}

#[tokio::test]
async fn what_was_passed_on_ends_with_everything_that_it_descends_from() {
    for target in [
        "delegation/dlg_bank",
        "grant/grt_payout_worker",
        "grant/grt_payout_bank",
        "application/payout",
        "session",
    ] {
        let world = agents().await;
        let called_with = call(&world).await;
        let issued = act(&world, &called_with, BANK, "accounts:read", WORKER_BASIC).await;
        let issued = issued.token();
        let is_active = async || world.introspect(&issued).await["active"] == true;
        assert!(is_active().await, "{target}");
        let session = claims(&called_with)["sid"].as_str().unwrap().to_owned();
        let target = match target {
            "session" => format!("session/{session}"),
            other => other.to_owned(),
        };
        if target != "application/payout" {
            change(&world, Change::Suspended, &target).await;
            assert!(!is_active().await, "{target} is suspended");
            let reply = act(&world, &called_with, BANK, "accounts:read", WORKER_BASIC).await;
            assert_ne!(reply.status, 200, "{target} is suspended");
            change(&world, Change::Resumed, &target).await;
            assert!(is_active().await, "{target} is resumed");
            let reply = act(&world, &called_with, BANK, "accounts:read", WORKER_BASIC).await;
            assert_eq!(reply.status, 200, "{target} is resumed: {}", reply.text);
        }
        world.revoke(&target).await;
        if target != "application/payout" {
            assert!(!is_active().await, "{target} is revoked");
        }
        let reply = act(&world, &called_with, BANK, "accounts:read", WORKER_BASIC).await;
        assert_ne!(reply.status, 200, "{target} is revoked");
    }
}

#[tokio::test]
async fn a_session_below_another_one_is_suspended_alone() {
    let world = agents().await;
    let called_with = call(&world).await;
    let child = act(&world, &called_with, BANK, "accounts:read", WORKER_BASIC).await;
    let session = claims(&child.token())["sid"].as_str().unwrap().to_owned();
    change(&world, Change::Suspended, &format!("session/{session}")).await;
    let reply = act(&world, &called_with, BANK, "accounts:read", WORKER_BASIC).await;
    refused(&reply, "suspended");
    let own = world.own(PAYOUT_BASIC, "accounts:read").await;
    assert_eq!(
        world.introspect(&own).await["active"],
        true,
        "the caller goes on"
    );
}

#[tokio::test]
async fn the_ledger_tells_the_chain_of_what_was_issued_and_of_what_was_refused() {
    let world = agents().await;
    let called_with = call(&world).await;
    let caller = claims(&called_with);
    let child = act(&world, &called_with, BANK, "accounts:read", WORKER_BASIC).await;
    let child = claims(&child.token());
    let vault = "https://vault.internal";
    let reply = act(&world, &called_with, vault, "secrets:read", WORKER_BASIC).await;
    refused(&reply, "delegation_missing");
    let events = world.events().await;
    let issued = |claims: &Value| {
        let mut events = events.iter();
        let event = events.find(|event| event.mandate.as_deref() == claims["jti"].as_str());
        event.unwrap().chain.clone().unwrap()
    };
    for claims in [&caller, &child] {
        let chain = json!(issued(claims));
        let hops = claims["mdt"]["ch"].as_array().unwrap().iter().map(|hop| {
            let mut told = json!({"session": hop[0], "application": hop[1], "rights": hop[3],
                "expires": hop[4], "depth": hop[5]});
            if hop[2] != "" {
                told["delegation"] = hop[2].clone();
            }
            told
        });
        assert_eq!(chain["hops"], json!(hops.collect::<Vec<_>>()));
        let rows = claims["mdt"]["R"].as_array().unwrap().iter();
        let rows = rows.zip(claims["mdt"]["S"].as_array().unwrap());
        let rows = rows.map(|(resource, scopes)| json!({"resource": resource, "scopes": scopes}));
        assert_eq!(chain["table"], json!(rows.collect::<Vec<_>>()));
        assert_eq!(chain.get("from"), claims.get("from"));
        assert_eq!(chain.get("through"), claims.get("through"));
    }
    // Newest first: the no names whom the authority would have come through.
    let refusal = events[0].chain.as_ref().unwrap();
    assert_eq!(refusal.hops, issued(&caller).hops);
    assert_eq!(refusal.from, [caller["jti"].as_str().unwrap()]);
    assert_eq!(refusal.through, [caller["grant"].as_str().unwrap()]);
    assert_eq!(events[0].outcome, Outcome::Deny);
}

/// The mandate with which `worker` calls `clerk`, while `payout` calls it.
async fn call_further(world: &World) -> String {
    let called = call(world).await;
    let further = act(world, &called, CLERK_API, "clerk:call", WORKER_BASIC).await;
    further.token()
}

#[tokio::test]
async fn what_was_passed_on_twice_ends_with_the_first_delegation_as_well() {
    let world = agents().await;
    let called = call_further(&world).await;
    let read = async || act(&world, &called, BANK, "accounts:read", CLERK_BASIC).await;
    let mandate = read().await.token();
    let claims = claims(&mandate);
    assert_eq!(claims["via"], json!(["dlg_bank"]), "by which worker had it");
    let seq = world.revoke("delegation/dlg_bank").await;
    world.applied(seq).await;
    refused(&read().await, "delegation_missing");
    let active = world.introspect(&mandate).await;
    assert_eq!(active["active"], json!(false));
}

#[tokio::test]
async fn nobody_has_passed_on_what_its_own_delegation_lets_it_only_use() {
    let world = agents().await;
    let seq = world.revoke("delegation/dlg_bank").await;
    world.applied(seq).await;
    let (who, what) = (("payout", "worker"), ("bank", "accounts:read"));
    delegate(&world, "dlg_use", who, what, 0).await;
    let called = call(&world).await;
    let own = act(&world, &called, BANK, "accounts:read", WORKER_BASIC).await;
    assert_eq!(own.status, 200, "{}", own.text);
    let called = call_further(&world).await;
    let further = act(&world, &called, BANK, "accounts:read", CLERK_BASIC).await;
    refused(&further, "delegation_missing");
}
