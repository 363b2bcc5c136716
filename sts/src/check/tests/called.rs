//! Questions of the two filters around an application that is called.

use caracal_proto::check::CALLER;
use caracal_store::model::{Change, Delegation, Grant, GrantConditions};
use serde_json::json;

use super::*;
use crate::testing::{name, scopes};

/// `payout` may call `other`, and have it read at the bank.
async fn world() -> World {
    let world = World::open().await;
    let resource = json!({"name": "other-api", "uri": "https://other.internal", "hosts": ["other.internal"],
        "application": "other", "operations": [
            {"name": "work", "method": "POST", "path": "/work", "scopes": ["other:call"]}]});
    let resource = serde_json::from_value(resource).unwrap();
    world.commit(Change::ResourcePut(resource)).await;
    grant(&world, "grt_call", ("payout", "other-api"), "other:call").await;
    delegate(&world, "dlg_1", "payout").await;
    world
}

async fn grant(world: &World, id: &str, (application, resource): (&str, &str), scope: &str) {
    let grant = Grant {
        id: id.to_owned(),
        application: name(application),
        resource: name(resource),
        scopes: scopes(scope),
        expires_at: None,
        max_lifetime: None,
        conditions: GrantConditions::default(),
    };
    world.commit(Change::GrantCreated(grant)).await;
}

async fn delegate(world: &World, id: &str, from: &str) {
    let delegation = json!({"id": id, "from": from, "to": "other", "resource": "bank",
        "scopes": ["accounts:read"], "expires_at": null, "max_lifetime": null, "max_depth": 0});
    let delegation: Delegation = serde_json::from_value(delegation).unwrap();
    world.commit(Change::DelegationCreated(delegation)).await;
}

fn at(host: &str, method: &str, path: &str, from: CheckRequest) -> CheckRequest {
    let mut request = from;
    let attributes = request.attributes.as_mut().unwrap();
    let http = attributes.request.as_mut().unwrap().http.as_mut().unwrap();
    host.clone_into(&mut http.host);
    method.clone_into(&mut http.method);
    path.clone_into(&mut http.path);
    request
}

/// The mandate with which `payout` calls `other`.
async fn call(world: &World) -> String {
    let request = at(
        "other.internal",
        "POST",
        "/work",
        request("", Some(EXCHANGE), None),
    );
    bearer(&allowed(world, PAYOUT, &request).await)
}

fn bearer(ok: &OkHttpResponse) -> String {
    let header = ok.headers[0].header.as_ref().unwrap();
    header.value.strip_prefix("Bearer ").unwrap().to_owned()
}

/// What `other` sends to the bank while it is called with this.
fn called_with(mandate: &str) -> CheckRequest {
    let mut request = request("", Some(EXCHANGE), None);
    let attributes = request.attributes.as_mut().unwrap();
    let extensions = &mut attributes.context_extensions;
    extensions.insert(CALLER.to_owned(), mandate.to_owned());
    request
}

async fn refused(world: &World, peer: &str, request: &CheckRequest) -> String {
    reason(&denied(world, peer, request).await.1)
}

#[tokio::test]
async fn who_is_called_acts_with_what_its_caller_holds() {
    let world = world().await;
    let call = call(&world).await;
    let ok = allowed(&world, OTHER, &called_with(&call)).await;
    let event = world.events("acme").await.remove(0);
    assert_eq!(event.application.as_deref(), Some("other"));
    assert_eq!(
        event.grant.as_deref(),
        Some(crate::testing::GRANT),
        "its caller's"
    );
    let presented = format!("Bearer {}", bearer(&ok));
    let request = request(OTHER, Some(AUTHORIZE), Some(&presented));
    allowed(&world, BANK_POINT, &request).await;
}

#[tokio::test]
async fn without_a_call_it_is_said_that_one_is_missing() {
    let world = world().await;
    let alone = request("", Some(EXCHANGE), None);
    assert_eq!(refused(&world, OTHER, &alone).await, "caller_missing");
    let elsewhere = at("mail.internal", "GET", "/accounts/1", alone);
    assert_eq!(refused(&world, OTHER, &elsewhere).await, "no_grant");
}

#[tokio::test]
async fn what_nobody_delegated_is_done_by_a_grant_of_its_own_or_not_at_all() {
    let world = world().await;
    let call = call(&world).await;
    let mail = at("mail.internal", "GET", "/accounts/1", called_with(&call));
    assert_eq!(refused(&world, OTHER, &mail).await, "no_grant");
    grant(&world, "grt_mail", ("other", "mail"), "accounts:read").await;
    allowed(&world, OTHER, &mail).await;
    let event = world.events("acme").await.remove(0);
    assert_eq!(event.grant.as_deref(), Some("grt_mail"));
    let detail = event.detail.unwrap_or_default();
    assert!(detail.contains("called by payout, for itself"), "{detail}");
}

#[tokio::test]
async fn a_grant_of_its_own_is_not_used_where_a_delegation_says_less() {
    let world = world().await;
    grant(&world, "grt_own", ("other", "bank"), "payments:write").await;
    let call = call(&world).await;
    let pay = at("bank.internal", "POST", "/payments", called_with(&call));
    assert_eq!(refused(&world, OTHER, &pay).await, "scope_exceeded");
}

#[tokio::test]
async fn a_call_whose_mandate_is_revoked_is_worth_nothing() {
    let world = world().await;
    let call = call(&world).await;
    let request = called_with(&call);
    allowed(&world, OTHER, &request).await;
    world.revoke("grant/grt_call").await;
    assert_eq!(refused(&world, OTHER, &request).await, "revoked");
}

#[tokio::test]
async fn nobody_acts_by_a_mandate_with_which_another_one_was_called() {
    let world = world().await;
    let call = call(&world).await;
    for (peer, principal, expected) in [
        (PAYOUT, "", "subject_invalid"),
        (GATEWAY, OTHER, "caller_not_trusted"),
        (BANK_POINT, OTHER, "caller_not_trusted"),
    ] {
        let mut request = called_with(&call);
        let source = request
            .attributes
            .as_mut()
            .unwrap()
            .source
            .as_mut()
            .unwrap();
        principal.clone_into(&mut source.principal);
        assert_eq!(refused(&world, peer, &request).await, expected, "{peer}");
    }
    let garbled = called_with(&call.replace('.', ".x"));
    assert_eq!(refused(&world, OTHER, &garbled).await, "subject_invalid");
    let own = bearer(&allowed(&world, PAYOUT, &request("", Some(EXCHANGE), None)).await);
    let of_the_bank = called_with(&own);
    assert_eq!(
        refused(&world, OTHER, &of_the_bank).await,
        "subject_invalid"
    );
}

#[tokio::test]
async fn a_policy_can_ask_for_a_caller() {
    let world = world().await;
    grant(&world, "grt_own", ("other", "mail"), "accounts:read").await;
    world
        .policy(
            "package caracal.policy\nallow := true\n\
             deny contains \"caller_missing\" if {\n\tinput.application.name == \"other\"\n\tcount(input.delegation) < 2\n}\n",
        )
        .await;
    let mail = at(
        "mail.internal",
        "GET",
        "/accounts/1",
        request("", Some(EXCHANGE), None),
    );
    assert_eq!(refused(&world, OTHER, &mail).await, "caller_missing");
    let call = call(&world).await;
    allowed(&world, OTHER, &called_with(&call)).await;
}

#[tokio::test]
async fn an_application_decides_who_gets_to_itself_and_to_nothing_else() {
    let world = world().await;
    let presented = format!("Bearer {}", call(&world).await);
    let asked = request(PAYOUT, Some(AUTHORIZE), Some(&presented));
    let work = at("other.internal", "POST", "/work", asked.clone());
    let ok = allowed(&world, OTHER, &work).await;
    assert!(ok.headers_to_remove.contains(&"authorization".to_owned()));
    let others = [(PAYOUT, &work), (OTHER, &asked)];
    for (peer, request) in others {
        assert_eq!(refused(&world, peer, request).await, "caller_not_trusted");
    }
}

/// `other`, called by `payout`, calls it back.
async fn called_back(world: &World) -> String {
    let resource = json!({"name": "payout-api", "uri": "https://payout.internal", "hosts": ["payout.internal"],
        "application": "payout", "operations": [
            {"name": "ask", "method": "POST", "path": "/ask", "scopes": ["payout:call"]}]});
    let resource = serde_json::from_value(resource).unwrap();
    world.commit(Change::ResourcePut(resource)).await;
    grant(world, "grt_back", ("payout", "payout-api"), "payout:call").await;
    for delegation in [
        json!({"id": "dlg_back", "from": "payout", "to": "other", "resource": "payout-api",
            "scopes": ["payout:call"], "expires_at": null, "max_lifetime": null, "max_depth": 1}),
        json!({"id": "dlg_ring", "from": "other", "to": "payout", "resource": "bank",
            "scopes": ["accounts:read"], "expires_at": null, "max_lifetime": null, "max_depth": 0}),
    ] {
        let delegation: Delegation = serde_json::from_value(delegation).unwrap();
        world.commit(Change::DelegationCreated(delegation)).await;
    }
    let first = call(world).await;
    let back = at("payout.internal", "POST", "/ask", called_with(&first));
    bearer(&allowed(world, OTHER, &back).await)
}

#[tokio::test]
async fn who_is_called_back_acts_for_itself_and_gains_nothing_by_the_ring() {
    let world = world().await;
    grant(&world, "grt_mail", ("payout", "mail"), "accounts:read").await;
    let back = called_with(&called_back(&world).await);
    let mail = at("mail.internal", "GET", "/accounts/1", back.clone());
    allowed(&world, PAYOUT, &mail).await;
    assert_eq!(refused(&world, PAYOUT, &back).await, "delegation_cycle");
}
