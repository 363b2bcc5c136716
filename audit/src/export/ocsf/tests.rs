//! Every kind of event that we have, against the schema.

mod schema;

use caracal_mandate::event::{Component, Emitter, HttpStatus};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::merkle::Hash;

/// The leaf's bytes and its event.
fn mapped(event: Event) -> (Vec<u8>, Value) {
    let record = Record {
        event,
        peer: "spiffe://mesh/filter".to_owned(),
        recorded_ms: 1_800_000_000_123,
    };
    let bytes = record.to_canonical().unwrap();
    let leaf = Leaf {
        index: 41,
        bytes: &bytes,
        hash: Hash::leaf(&bytes),
        record: &record,
    };
    let event = Source::new("audit.example/bank").event(&leaf);
    (bytes, event)
}

fn event(component: Component, action: Action, outcome: Outcome) -> Event {
    let emitter = Emitter {
        boot: "b".to_owned(),
        name: "edge".to_owned(),
        seq: 7,
    };
    Event::new(
        "bank",
        component,
        action,
        outcome,
        emitter,
        1_800_000_000_000,
    )
}

fn request(outcome: Outcome) -> Event {
    let some = |text: &str| Some(text.to_owned());
    Event {
        application: some("payout"),
        holder: some("spiffe://caracal.dev/ns/agents/sa/payout"),
        host: some("bank.internal:8443"),
        mandate: some("mdt_1"),
        method: some("POST"),
        operation: some("pay"),
        path: some("/payments"),
        policy: some("sha256:00"),
        reason: (outcome == Outcome::Deny).then_some(Reason::Revoked),
        request_id: some("r-1"),
        resource: some("https://bank.internal"),
        scope: some("payments:write accounts:read"),
        session: some("ses_1"),
        ..event(Component::Filter, Action::Request, outcome)
    }
}

#[test]
fn an_event_leads_back_to_its_leaf() {
    let (leaf, event) = mapped(request(Outcome::Allow));
    assert_eq!(event["raw_data"].as_str().unwrap().as_bytes(), leaf);
    assert_eq!(event["metadata"]["uid"], Hash::leaf(&leaf).to_string());
    assert_eq!(event["metadata"]["sequence"], 41);
    assert_eq!(event["metadata"]["log_name"], "audit.example/bank");
}

#[test]
fn each_action_is_of_its_class() {
    let exchange = |scope: Option<&str>| Event {
        scope: scope.map(str::to_owned),
        ..event(Component::Sts, Action::Exchange, Outcome::Deny)
    };
    let change = Event {
        detail: Some("grant grt_1 created".to_owned()),
        ..event(Component::Control, Action::Admin, Outcome::Allow)
    };
    for (event, class, kind) in [
        (request(Outcome::Allow), 6003, 600_301),
        (
            event(Component::Sts, Action::Authorize, Outcome::Allow),
            6003,
            600_300,
        ),
        (
            Event {
                action: Action::Response,
                ..request(Outcome::Allow)
            },
            6003,
            600_301,
        ),
        (exchange(Some("a:read")), 3003, 300_301),
        (exchange(None), 3002, 300_204),
        (change, 3004, 300_401),
    ] {
        let (_, event) = mapped(event);
        assert_eq!(
            (&event["class_uid"], &event["type_uid"]),
            (&json!(class), &json!(kind))
        );
    }
}

#[test]
fn what_became_of_a_request_is_told() {
    let answered = Event {
        duration_us: Some(41_900),
        status: HttpStatus::try_from(503).ok(),
        ..request(Outcome::Allow)
    };
    let (_, event) = mapped(answered);
    assert_eq!(event["api"]["response"]["code"], 503);
    assert_eq!(event["duration"], 41);
    assert_eq!(event["unmapped"]["duration_us"], 41_900);
}

#[test]
fn what_shadow_would_have_refused_was_not_blocked() {
    let shadow = |shadow| Event {
        shadow,
        ..request(Outcome::Deny)
    };
    let (_, enforced) = mapped(shadow(false));
    assert_eq!(
        (&enforced["action_id"], &enforced["status_id"]),
        (&json!(2), &json!(2))
    );
    assert_eq!(enforced["api"]["response"]["code"], 401);
    let (_, shadowed) = mapped(shadow(true));
    assert_eq!(
        (&shadowed["action_id"], &shadowed["status_id"]),
        (&json!(3), &json!(99))
    );
    assert_eq!(shadowed["authorizations"][0]["decision"], "deny");
    assert_eq!(shadowed["api"].get("response"), None);
}

#[test]
fn a_request_says_who_asked_for_what() {
    let (_, event) = mapped(request(Outcome::Deny));
    assert_eq!(event["actor"]["app_name"], "payout");
    assert_eq!(event["actor"]["session"]["credential_uid"], "mdt_1");
    assert_eq!(
        event["dst_endpoint"],
        json!({"hostname": "bank.internal", "port": 8443})
    );
    assert_eq!(event["http_request"]["url"]["path"], "/payments");
    assert_eq!(event["status_code"], "revoked");
    assert_eq!(event["unmapped"]["scope"], "payments:write accounts:read");
}

#[test]
fn the_check_against_the_schema_can_fail() {
    let (_, good) = mapped(request(Outcome::Deny));
    assert_eq!(schema::faults(&good), Vec::<String>::new());
    for (place, value) in [
        ("/api/operation", None),
        ("/actor", None),
        ("/time", Some(json!("now"))),
        ("/severity_id", Some(json!(7))),
        ("/type_uid", Some(json!(600_302))),
        ("/metadata/uid", Some(json!(1))),
        ("/http_request/http_method", Some(json!("BREW"))),
        ("/dst_endpoint", Some(json!({"port": 1}))),
        ("/nobody", Some(json!("knows"))),
    ] {
        let mut bad = good.clone();
        let (parent, name) = place.rsplit_once('/').unwrap();
        let parent = bad.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        match value {
            Some(value) => parent.insert(name.to_owned(), value),
            None => parent.remove(name),
        };
        assert_eq!(
            schema::faults(&bad).len(),
            1,
            "{place}: {:?}",
            schema::faults(&bad)
        );
    }
}

fn maybe() -> impl Strategy<Value = Option<String>> {
    proptest::option::of("[a-z:/0-9 .\\[\\]]{1,12}")
}

fn details() -> impl Strategy<Value = Option<String>> {
    let known = "(grant|key|zone|policy|session/|application/|enforcement point) ?[a-z]{0,3} \
                 (created|put|revoked|activated|retired|suspended|resumed|refused: x|rotated)?";
    let known = proptest::string::string_regex(known).unwrap();
    proptest::option::of(prop_oneof![known, "\\PC{0,20}"])
}

prop_compose! {
    fn anything()(
        action in prop_oneof![Just(Action::Request), Just(Action::Exchange), Just(Action::Authorize), Just(Action::Admin), Just(Action::Response)],
        component in prop_oneof![Just(Component::Filter), Just(Component::Sts), Just(Component::Control)],
        reason in proptest::option::of(proptest::sample::select(Reason::ALL)),
        shadow: bool,
        application in maybe(), holder in maybe(), session in maybe(), mandate in maybe(),
        host in maybe(), path in maybe(), resource in maybe(),
        rest in (maybe(), maybe(), maybe(), maybe(), maybe()),
        scope in proptest::option::of("[a-z]{1,5}(:[a-z]{1,3})?( [a-z]{1,5})?"),
        method in proptest::option::of(prop_oneof![Just("GET"), Just("PUT"), Just("DELETE"), Just("PROPFIND")]),
        detail in details(),
    ) -> Event {
        let outcome = if reason.is_some() { Outcome::Deny } else { Outcome::Allow };
        let (grant, operation, policy, request_id, _) = rest;
        let method = method.map(str::to_owned);
        Event {
            application, holder, session, mandate, host, path, resource, scope, method, detail,
            grant, operation, policy, request_id, reason, shadow,
            ..event(component, action, outcome)
        }
    }
}

proptest! {
    #[test]
    fn whatever_is_recorded_becomes_an_event_of_the_schema(event in anything()) {
        let (_, event) = mapped(event);
        prop_assert_eq!(schema::faults(&event), Vec::<String>::new(), "{:#}", event);
    }
}
