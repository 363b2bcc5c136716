//! Conditions of grants, and what a human has to do to meet them: RFC 9470.

use serde_json::{Value, json};

use crate::support::jwt::claims;
use crate::support::{
    DELEGATION, ID_TOKEN, PAYOUT_BASIC, Reply, WORKER_BASIC, World, challenge, now,
};

const VAULT: (&str, &str) = ("resource", "https://vault.internal");

/// Asks for the vault as an application, for itself.
async fn ask(world: &World) -> Reply {
    world.issue(&[VAULT], PAYOUT_BASIC).await
}

/// Asks for the vault on behalf of a human, whose ID token is changed first.
async fn ask_for(world: &World, change: impl FnOnce(&mut Value)) -> Reply {
    let mut claims = World::id_token();
    change(&mut claims);
    let id_token = world.idp.sign(&claims);
    world
        .exchange(&id_token, ID_TOKEN, &[VAULT], PAYOUT_BASIC)
        .await
}

/// A window of whole hours around now, or a gap of the same hours.
fn around_now(open: bool) -> Value {
    let hour = now() / 3600 % 24;
    let time = |hour: u64| format!("{:02}:00", hour % 24);
    let (from, to) = if open {
        (hour + 23, hour + 2)
    } else {
        (hour + 2, hour + 23)
    };
    json!({"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": time(from), "to": time(to)})
}

fn staff(more: &Value) -> Value {
    let mut human = json!({"issuers": ["corp"]});
    human
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    json!({"on_behalf_of": human})
}

/// Asserts a step-up challenge, and that the body says the same.
#[track_caller]
fn asks_for(reply: &Reply, acr_values: Option<&str>, max_age: Option<&str>) {
    reply.refuses(401, "insufficient_user_authentication");
    let parameters = challenge::parse(reply.header("www-authenticate").unwrap());
    assert_eq!(parameters["error"], "insufficient_user_authentication");
    assert_eq!(parameters.get("acr_values").map(String::as_str), acr_values);
    assert_eq!(parameters.get("max_age").map(String::as_str), max_age);
    let body = reply.json();
    assert_eq!(body.get("acr_values").and_then(Value::as_str), acr_values);
    let age = body.get("max_age").map(Value::to_string);
    assert_eq!(age.as_deref(), max_age);
}

#[tokio::test]
async fn grant_condition_a_grant_is_not_good_before_its_time() {
    let world = World::start().await;
    let start = now() + 4;
    world
        .grant_if("grt_later", "payout", json!({"not_before": start}))
        .await;
    let reply = ask(&world).await;
    reply.refuses(400, "invalid_target");
    assert_eq!(reply.json()["reason"], "grant_condition.not_before");
    while now() < start {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(ask(&world).await.status, 200);
}

#[tokio::test]
async fn grant_condition_a_grant_is_good_in_its_window_and_no_mandate_outlives_it() {
    let world = World::start().await;
    world
        .grant_if("grt_closed", "payout", json!({"window": around_now(false)}))
        .await;
    let reply = ask(&world).await;
    reply.refuses(400, "invalid_target");
    assert_eq!(reply.json()["reason"], "grant_condition.window");
    world
        .grant_if("grt_open", "payout", json!({"window": around_now(true)}))
        .await;
    let claims = claims(&ask(&world).await.token());
    assert_eq!(claims["grant"], "grt_open");
    // The nearest hour at which it could close.
    assert!(claims["exp"].as_u64().unwrap() <= (now() / 3600 + 2) * 3600);
}

#[tokio::test]
async fn grant_condition_a_grant_for_humans_is_of_no_use_to_the_application_itself() {
    let world = World::start().await;
    world
        .grant_if("grt_staff", "payout", staff(&json!({})))
        .await;
    let reply = ask(&world).await;
    reply.refuses(400, "invalid_request");
    assert_eq!(reply.json()["reason"], "grant_condition.subject");
    let reply = ask_for(&world, |_| {}).await;
    assert_eq!(claims(&reply.token())["grant"], "grt_staff");
}

#[tokio::test]
async fn grant_condition_the_human_is_of_an_issuer_that_the_grant_names() {
    let world = World::start().await;
    let idp = crate::support::jwt::Key::new(55, "idp-2");
    world
        .issuer_with("partner", "https://partner.example", &idp.jwks())
        .await;
    world
        .grant_if(
            "grt_partner",
            "payout",
            json!({"on_behalf_of": {"issuers": ["partner"]}}),
        )
        .await;
    let reply = ask_for(&world, |_| {}).await;
    reply.refuses(400, "invalid_request");
    assert_eq!(reply.json()["reason"], "grant_condition.subject");
    let mut claims = World::id_token();
    claims["iss"] = json!("https://partner.example");
    let id_token = idp.sign(&claims);
    let reply = world
        .exchange(&id_token, ID_TOKEN, &[VAULT], PAYOUT_BASIC)
        .await;
    assert_eq!(reply.status, 200, "{}", reply.text);
}

#[tokio::test]
async fn rfc9470_s3_another_class_of_authentication_is_asked_for_by_its_names() {
    let world = World::start().await;
    let wanted = json!({"acr_values": ["urn:phishing-resistant", "urn:mfa"]});
    world.grant_if("grt_mfa", "payout", staff(&wanted)).await;
    for acr in [
        json!("urn:password"),
        json!(""),
        json!(null),
        json!(["urn:mfa"]),
    ] {
        let reply = ask_for(&world, |claims| claims["acr"] = acr).await;
        asks_for(&reply, Some("urn:phishing-resistant urn:mfa"), None);
        assert_eq!(reply.json()["reason"], "user_authentication_class");
    }
    let reply = ask_for(&world, |claims| claims["acr"] = json!("urn:mfa")).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
}

#[tokio::test]
async fn rfc9470_s3_a_fresher_authentication_is_asked_for_by_its_age() {
    let world = World::start().await;
    world
        .grant_if("grt_fresh", "payout", staff(&json!({"max_age": 60})))
        .await;
    let old = now() - 61;
    let reply = ask_for(&world, |claims| claims["auth_time"] = json!(old)).await;
    asks_for(&reply, None, Some("60"));
    assert_eq!(reply.json()["reason"], "user_authentication");
    let reply = ask_for(&world, |claims| {
        claims.as_object_mut().unwrap().remove("auth_time");
    });
    asks_for(&reply.await, None, Some("60"));
    assert_eq!(ask_for(&world, |_| {}).await.status, 200);
}

#[tokio::test]
async fn rfc9470_s3_class_and_age_are_asked_for_together() {
    let world = World::start().await;
    let wanted = json!({"acr_values": ["urn:mfa"], "max_age": 60});
    world.grant_if("grt_both", "payout", staff(&wanted)).await;
    for (name, value) in [("acr", json!("low")), ("auth_time", json!(now() - 90))] {
        let reply = ask_for(&world, |claims| claims[name] = value).await;
        asks_for(&reply, Some("urn:mfa"), Some("60"));
    }
}

#[tokio::test]
async fn grant_condition_no_mandate_outlives_the_age_of_the_authentication() {
    let world = World::start().await;
    world
        .grant_if("grt_fresh", "payout", staff(&json!({"max_age": 60})))
        .await;
    let auth_time = now() - 40;
    let reply = ask_for(&world, |claims| claims["auth_time"] = json!(auth_time)).await;
    assert!(claims(&reply.token())["exp"].as_u64().unwrap() <= auth_time + 60);
}

#[tokio::test]
async fn grant_condition_what_was_passed_on_stays_the_humans() {
    let world = World::start().await;
    let wanted = json!({"acr_values": ["urn:mfa"], "max_age": 60});
    world.grant_if("grt_both", "payout", staff(&wanted)).await;
    let id_token = world.idp.sign(&World::id_token());
    let more = [
        VAULT,
        ("requested_token_type", DELEGATION),
        ("audience", "worker"),
    ];
    let parent = world
        .exchange(&id_token, ID_TOKEN, &more, PAYOUT_BASIC)
        .await
        .token();
    let child = world
        .exchange(&parent, DELEGATION, &[], WORKER_BASIC)
        .await
        .token();
    let (parent, child) = (claims(&parent), claims(&child));
    assert_eq!(child["sub"], "user:corp:alice");
    assert!(child["exp"].as_u64() <= parent["exp"].as_u64());
    // An application cannot pass it on for itself.
    let reply = world.issue(&more, PAYOUT_BASIC).await;
    assert_eq!(reply.json()["reason"], "grant_condition.subject");
}

#[tokio::test]
async fn grant_condition_a_grant_whose_conditions_are_met_is_found_beside_others() {
    let world = World::start().await;
    world
        .grant_if("grt_later", "payout", json!({"not_before": now() + 500}))
        .await;
    world
        .grant_if(
            "grt_mfa",
            "payout",
            staff(&json!({"acr_values": ["urn:other"]})),
        )
        .await;
    let reply = ask(&world).await;
    assert_eq!(
        reply.json()["reason"],
        "grant_condition.subject",
        "what came nearest is named"
    );
    let reply = ask_for(&world, |_| {}).await;
    asks_for(&reply, Some("urn:other"), None);
    world.grant_if("grt_plain", "payout", json!({})).await;
    for reply in [ask(&world).await, ask_for(&world, |_| {}).await] {
        assert_eq!(claims(&reply.token())["grant"], "grt_plain");
    }
}
