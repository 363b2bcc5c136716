mod called;

use std::collections::HashMap;

use caracal_mandate::event::{Action, Outcome};
use caracal_proto::check::AUTHORIZE;
use envoy_types::pb::envoy::config::core::v3::{HeaderMap, HeaderValue};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{Peer, Request as Attributes};
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{
    AttributeContext, DeniedHttpResponse, OkHttpResponse,
};

use super::*;
use crate::testing::{BANK_POINT, GATEWAY, OTHER, PAYOUT, World};

fn request(principal: &str, intent: Option<&str>, authorization: Option<&str>) -> CheckRequest {
    let mut headers = HashMap::from([("x-request-id".to_owned(), "r-9".to_owned())]);
    headers.extend(authorization.map(|value| ("authorization".to_owned(), value.to_owned())));
    headers.insert("x-caracal-spoof".to_owned(), "1".to_owned());
    let mut http = HttpRequest {
        method: "GET".to_owned(),
        path: "/accounts/1".to_owned(),
        host: "bank.internal".to_owned(),
        headers,
        ..HttpRequest::default()
    };
    // Envoy's own filter sends every header, ours what the answer depends on.
    if intent.is_none() {
        let pseudo = [
            (":method", &http.method),
            (":path", &http.path),
            (":authority", &http.host),
        ];
        let pseudo = pseudo.map(|(name, value)| (name.to_owned(), value.clone()));
        http.headers.extend(pseudo);
    }
    let attributes = AttributeContext {
        source: Some(Peer {
            principal: principal.to_owned(),
            ..Peer::default()
        }),
        request: Some(Attributes {
            http: Some(http),
            ..Attributes::default()
        }),
        context_extensions: intent
            .map(|intent| (INTENT.to_owned(), intent.to_owned()))
            .into_iter()
            .collect(),
        ..AttributeContext::default()
    };
    CheckRequest {
        attributes: Some(attributes),
    }
}

async fn allowed(world: &World, peer: &str, request: &CheckRequest) -> OkHttpResponse {
    match world
        .service()
        .check(Some(peer), request)
        .await
        .http_response
    {
        Some(HttpResponse::OkResponse(ok)) => ok,
        other => panic!("not allowed: {other:?}"),
    }
}

async fn denied(world: &World, peer: &str, request: &CheckRequest) -> (i32, DeniedHttpResponse) {
    let response = world.service().check(Some(peer), request).await;
    match response.http_response {
        Some(HttpResponse::DeniedResponse(denied)) => (response.status.unwrap().code, denied),
        _ => panic!("not denied"),
    }
}

fn reason(denied: &DeniedHttpResponse) -> String {
    let body: serde_json::Value = serde_json::from_str(&denied.body).unwrap();
    let header = denied
        .headers
        .iter()
        .filter_map(|option| option.header.as_ref());
    let header = header
        .clone()
        .find(|header| header.key == "x-caracal-reason")
        .unwrap();
    assert_eq!(body["reason"], header.value.as_str());
    assert_eq!(body["request_id"], "r-9");
    header.value.clone()
}

async fn mandate(world: &World) -> String {
    let ok = allowed(world, PAYOUT, &request("", Some(EXCHANGE), None)).await;
    let header = ok.headers[0].header.clone().unwrap();
    assert_eq!(header.key, "authorization");
    header.value
}

#[tokio::test]
async fn an_application_gets_a_mandate_whatever_it_carried() {
    let world = World::open().await;
    for intent in [None, Some(EXCHANGE)] {
        let ok = allowed(&world, PAYOUT, &request("", intent, Some("Basic YTpi"))).await;
        assert!(
            ok.headers[0]
                .header
                .as_ref()
                .unwrap()
                .value
                .starts_with("Bearer ")
        );
        assert_eq!(ok.headers[0].append_action, 2);
    }
}

#[tokio::test]
async fn a_resource_point_lets_through_what_the_holder_presents() {
    let world = World::open().await;
    let bearer = mandate(&world).await;
    for intent in [None, Some(AUTHORIZE)] {
        let ok = allowed(&world, BANK_POINT, &request(PAYOUT, intent, Some(&bearer))).await;
        assert_eq!(ok.headers_to_remove, ["authorization", "x-caracal-spoof"]);
        // Our own points are told how old the service's knowledge is; upstreams of others are not.
        let headers: Vec<_> = ok
            .headers
            .iter()
            .filter_map(|each| each.header.as_ref())
            .collect();
        match (intent, headers.as_slice()) {
            (None, []) => {}
            (Some(_), [age]) => {
                assert_eq!(age.key, "x-caracal-read-age-ms");
                assert!((1..2000).contains(&age.value.parse().unwrap()), "{age:?}");
            }
            other => panic!("{other:?}"),
        }
    }
    let event = world.events("acme").await.remove(0);
    assert_eq!(
        (event.action, event.outcome),
        (Action::Authorize, Outcome::Allow)
    );
    assert_eq!(event.holder.as_deref(), Some(PAYOUT));
    assert_eq!(event.application.as_deref(), Some("payout"));
}

#[tokio::test]
async fn an_answer_that_is_not_enforced_is_recorded_as_such_and_is_no_other_answer() {
    let world = World::open().await;
    for (shadow, expected) in [(None, false), (Some("off"), false), (Some(SHADOW), true)] {
        let mut request = request(PAYOUT, Some(AUTHORIZE), None);
        let attributes = request.attributes.as_mut().unwrap();
        let extension = shadow.map(|mode| (MODE.to_owned(), mode.to_owned()));
        attributes.context_extensions.extend(extension);
        let (_, refusal) = denied(&world, BANK_POINT, &request).await;
        assert_eq!(reason(&refusal), "no_mandate");
        let event = world.events("acme").await.remove(0);
        assert_eq!((event.outcome, event.shadow), (Outcome::Deny, expected));
    }
}

#[tokio::test]
async fn a_resource_point_refuses_with_the_filters_reasons() {
    let world = World::open().await;
    let bearer = mandate(&world).await;
    let lower = bearer.replacen("Bearer", "bearer", 1);
    let twice = format!("{bearer},{bearer}");
    let tampered = format!("{bearer}A");
    let table: [(&str, Option<&str>, &str, i32, i32); 7] = [
        (OTHER, Some(&bearer), "holder_mismatch", 401, 16),
        ("", Some(&bearer), "holder_unknown", 401, 16),
        (PAYOUT, None, "no_mandate", 401, 16),
        (
            PAYOUT,
            Some("Basic YTpi"),
            "malformed_request.credential",
            400,
            3,
        ),
        (
            PAYOUT,
            Some("Bearer "),
            "malformed_request.credential",
            400,
            3,
        ),
        (PAYOUT, Some(&twice), "malformed_request.credential", 400, 3),
        (
            PAYOUT,
            Some(&tampered),
            "invalid_mandate.signature",
            401,
            16,
        ),
    ];
    for (principal, authorization, expected, http, grpc) in table {
        let (code, refusal) =
            denied(&world, BANK_POINT, &request(principal, None, authorization)).await;
        assert_eq!((reason(&refusal).as_str(), code), (expected, grpc));
        assert_eq!(refusal.status.unwrap().code, http);
    }
    allowed(&world, BANK_POINT, &request(PAYOUT, None, Some(&lower))).await;
    let (_, refusal) = denied(&world, BANK_POINT, &request(PAYOUT, Some(EXCHANGE), None)).await;
    assert_eq!(reason(&refusal), "caller_not_trusted");
}

#[tokio::test]
async fn a_revocation_ends_a_mandate_and_its_session() {
    for target in [
        "grant/grt_AAAAAAAAAAAAAAAAAAAAAA",
        "application/payout",
        "resource/bank",
        "zone",
    ] {
        let world = World::open().await;
        let bearer = mandate(&world).await;
        world.revoke(target).await;
        let (_, refusal) = denied(&world, BANK_POINT, &request(PAYOUT, None, Some(&bearer))).await;
        assert_eq!(reason(&refusal), "revoked", "{target}");
    }
}

fn http(request: &mut CheckRequest) -> &mut HttpRequest {
    let attributes = request.attributes.as_mut().unwrap();
    let request = attributes.request.as_mut().unwrap();
    request.http.as_mut().unwrap()
}

#[tokio::test]
async fn to_a_point_there_is_nothing_but_what_it_guards() {
    let world = World::open().await;
    for intent in [None, Some(AUTHORIZE)] {
        let mut request = request(PAYOUT, intent, None);
        let http = http(&mut request);
        "mail.internal".clone_into(&mut http.host);
        if let Some(authority) = http.headers.get_mut(":authority") {
            "mail.internal".clone_into(authority);
        }
        let (_, refusal) = denied(&world, BANK_POINT, &request).await;
        assert_eq!(reason(&refusal), "resource_unregistered");
    }
}

#[tokio::test]
async fn a_gateway_without_a_filter_exchanges_enforces_and_strips_whatever_is_presented() {
    let world = World::open().await;
    let bearer = mandate(&world).await;
    for presented in [None, Some(bearer.as_str()), Some("Basic YTpi")] {
        let request = request(PAYOUT, None, presented);
        let ok = allowed(&world, GATEWAY, &request).await;
        assert!(ok.headers.is_empty(), "no mandate goes upstream");
        assert_eq!(ok.headers_to_remove, ["authorization", "x-caracal-spoof"]);
        let event = world.events("acme").await.remove(0);
        assert_eq!(
            (event.action, event.outcome, event.holder.as_deref()),
            (Action::Exchange, Outcome::Allow, Some(PAYOUT))
        );
    }
    let (_, refusal) = denied(&world, GATEWAY, &request(OTHER, None, Some(&bearer))).await;
    assert_eq!(reason(&refusal), "no_grant");
}

#[tokio::test]
async fn only_a_yes_without_a_filter_is_marked_for_the_net() {
    let world = World::open().await;
    let bearer = mandate(&world).await;
    for (intent, authorization, expected) in [
        (None, Some(bearer.as_str()), true),
        (None, None, false),
        (Some(AUTHORIZE), Some(bearer.as_str()), false),
    ] {
        let request = request(PAYOUT, intent, authorization);
        let response = world.service().check(Some(BANK_POINT), &request).await;
        let marked = response
            .dynamic_metadata
            .is_some_and(|metadata| metadata.fields.contains_key("caracal.decision"));
        assert_eq!(marked, expected, "{intent:?} {authorization:?}");
    }
}

#[tokio::test]
async fn a_head_that_is_read_in_two_ways_is_refused_before_anything_is_looked_up() {
    let world = World::open().await;
    let bearer = mandate(&world).await;
    for (name, value, expected) in [
        (
            "x-http-method-override",
            "DELETE",
            "malformed_request.header",
        ),
        ("x-forwarded-host", "evil.example", "malformed_request.host"),
        ("content-length", "2,2", "malformed_request.header"),
        (":path", "/accounts/%2e%2e/1", "malformed_request.path"),
    ] {
        for peer in [BANK_POINT, GATEWAY, PAYOUT] {
            let principal = if peer == PAYOUT { "" } else { PAYOUT };
            let mut request = request(principal, None, Some(&bearer));
            let headers = &mut http(&mut request).headers;
            headers.insert(name.to_owned(), value.to_owned());
            let (_, refusal) = denied(&world, peer, &request).await;
            assert_eq!(reason(&refusal), expected, "{name} at {peer}");
            let event = world.events("acme").await.remove(0);
            let said = (event.outcome, event.path, event.holder.as_deref());
            assert_eq!(said, (Outcome::Deny, None, Some(PAYOUT)));
        }
    }
}

#[tokio::test]
async fn a_grpc_request_is_refused_with_a_status_and_no_json() {
    let world = World::open().await;
    let mut request = request(PAYOUT, None, None);
    let headers = &mut http(&mut request).headers;
    headers.insert("content-type".to_owned(), "application/grpc".to_owned());
    let (code, refusal) = denied(&world, BANK_POINT, &request).await;
    let said = (code, refusal.body.as_str());
    assert_eq!(said, (16, "the request carries no mandate"));
    let headers = refusal.headers.iter().filter_map(|one| one.header.as_ref());
    let headers: Vec<_> = headers.map(|one| (&*one.key, &*one.value)).collect();
    let expected = [("x-caracal-reason", "no_mandate"), ("grpc-status", "16")];
    assert_eq!(headers, expected);
}

#[tokio::test]
async fn repeated_raw_headers_are_seen() {
    let world = World::open().await;
    let bearer = mandate(&world).await;
    let mut request = request(PAYOUT, None, Some(&bearer));
    let http = http(&mut request);
    let header = |(key, value): (&String, &String)| HeaderValue {
        key: key.clone(),
        value: String::new(),
        raw_value: value.clone().into_bytes(),
    };
    let mut list: Vec<_> = http.headers.iter().map(header).collect();
    http.headers.clear();
    http.header_map = Some(HeaderMap {
        headers: list.clone(),
    });
    allowed(&world, BANK_POINT, &request).await;
    list.push(header((&"Authorization".to_owned(), &bearer)));
    self::http(&mut request).header_map = Some(HeaderMap { headers: list });
    let (_, refusal) = denied(&world, BANK_POINT, &request).await;
    assert_eq!(reason(&refusal), "malformed_request.credential");
}

#[tokio::test]
async fn an_empty_message_is_refused_and_no_panic() {
    let world = World::open().await;
    let response = world
        .service()
        .check(Some(PAYOUT), &CheckRequest::default())
        .await;
    assert!(matches!(
        response.http_response,
        Some(HttpResponse::DeniedResponse(_))
    ));
    let response = world.service().check(None, &CheckRequest::default()).await;
    assert_eq!(response.status.unwrap().code, 16);
}
