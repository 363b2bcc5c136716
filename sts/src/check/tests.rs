use std::collections::HashMap;

use caracal_mandate::event::{Action, Outcome};
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
    let http = HttpRequest {
        method: "GET".to_owned(),
        path: "/accounts/1".to_owned(),
        host: "bank.internal".to_owned(),
        headers,
        ..HttpRequest::default()
    };
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
    for intent in [None, Some(EXCHANGE), Some(AUTHORIZE)] {
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
        assert!(ok.headers.is_empty());
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

#[tokio::test]
async fn a_resource_point_decides_about_its_own_resources_only() {
    let world = World::open().await;
    let mut request = request(PAYOUT, None, None);
    let http = request
        .attributes
        .as_mut()
        .unwrap()
        .request
        .as_mut()
        .unwrap()
        .http
        .as_mut()
        .unwrap();
    http.host = "mail.internal".to_owned();
    let (_, refusal) = denied(&world, BANK_POINT, &request).await;
    assert_eq!(reason(&refusal), "caller_not_trusted");
}

#[tokio::test]
async fn a_gateway_without_intent_exchanges_or_authorizes() {
    let world = World::open().await;
    let ok = allowed(&world, GATEWAY, &request(PAYOUT, None, None)).await;
    let bearer = ok.headers[0].header.clone().unwrap().value;
    let ok = allowed(&world, GATEWAY, &request(PAYOUT, None, Some(&bearer))).await;
    assert!(ok.headers.is_empty());
    let (_, refusal) = denied(&world, GATEWAY, &request(OTHER, None, Some(&bearer))).await;
    assert_eq!(reason(&refusal), "holder_mismatch");
}

#[tokio::test]
async fn repeated_raw_headers_are_seen() {
    let world = World::open().await;
    let bearer = mandate(&world).await;
    let mut request = request(PAYOUT, None, None);
    let http = request
        .attributes
        .as_mut()
        .unwrap()
        .request
        .as_mut()
        .unwrap()
        .http
        .as_mut()
        .unwrap();
    let header = |key: &str, value: &str| HeaderValue {
        key: key.to_owned(),
        value: String::new(),
        raw_value: value.as_bytes().to_vec(),
    };
    http.headers.clear();
    http.header_map = Some(HeaderMap {
        headers: vec![
            header("x-request-id", "r-9"),
            header("authorization", &bearer),
        ],
    });
    allowed(&world, BANK_POINT, &request).await;
    let http = request
        .attributes
        .as_mut()
        .unwrap()
        .request
        .as_mut()
        .unwrap()
        .http
        .as_mut()
        .unwrap();
    http.header_map
        .as_mut()
        .unwrap()
        .headers
        .push(header("Authorization", &bearer));
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
