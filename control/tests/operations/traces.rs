//! Traces that join the request's own, at both doors, received by OpenTelemetry's own service.

use std::collections::HashMap;

use caracal_proto::otlp::Span;
use caracal_proto::otlp::SpanKind;
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Request};
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest};

use crate::support::collector::{Collector, attribute};
use crate::support::zone::{Admin, request};
use crate::support::{Place, Serving, text, tls, until};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

fn traceparent(flags: &str) -> String {
    format!("00-{TRACE}-{PARENT}-{flags}")
}

fn hex(bytes: &[u8]) -> String {
    let digits: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

fn start(place: &Place, endpoint: &str) -> Serving {
    let addresses = ["--grpc", "--http", "--admin", "--metrics"];
    let addresses = addresses.map(|flag| [flag, "127.0.0.1:0"]).concat();
    let mut command = place.command(["up"]);
    command
        .args(addresses)
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        .env("OTEL_SERVICE_NAME", "tokens");
    place.serve("up", command)
}

/// The span of the question and its steps, each within it.
fn check_family<'a>(spans: &'a [Span], name: &str, steps: &[&str]) -> &'a Span {
    let roots: Vec<_> = spans.iter().filter(|span| span.name == name).collect();
    let [root] = roots.as_slice() else {
        panic!("{} spans {name} in {spans:#?}", roots.len());
    };
    assert_eq!(hex(&root.trace_id), TRACE);
    assert_eq!(hex(&root.parent_span_id), PARENT);
    assert_eq!(root.kind, i32::from(SpanKind::Server));
    assert_ne!(root.span_id, [0; 8]);
    let mut ids = vec![&root.span_id];
    for step in steps {
        let is = |span: &&Span| span.name == *step && span.parent_span_id == root.span_id;
        let found: Vec<_> = spans.iter().filter(is).collect();
        let [span] = found.as_slice() else {
            panic!("{} steps {step} in {spans:#?}", found.len());
        };
        assert_eq!(hex(&span.trace_id), TRACE);
        assert!(span.start_time_unix_nano >= root.start_time_unix_nano);
        assert!(span.end_time_unix_nano <= root.end_time_unix_nano);
        ids.push(&span.span_id);
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), steps.len() + 1, "ids are unique");
    root
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exchange_at_the_token_endpoint_joins_its_requests_trace() {
    let place = Place::new();
    let (collector, endpoint) = Collector::start().await;
    let up = start(&place, &endpoint);
    let admin = Admin::of(&place, &up);
    admin.make_zone();
    let secret = admin.secret();
    let wish = |secret: &str, flags: &str| {
        let request = request(&up.http(), secret);
        request.header("traceparent", traceparent(flags)).send()
    };
    let answer = wish(&secret, "01").await.unwrap();
    assert_eq!(answer.status(), 200);
    let answer: serde_json::Value = answer.json().await.unwrap();
    let mandate = answer["access_token"].as_str().unwrap().to_owned();
    // What nobody records is not recorded.
    assert_eq!(wish(&secret, "00").await.unwrap().status(), 200);
    let name = "POST /zones/{zone}/token";
    until("the spans have arrived", async || {
        collector.spans().iter().any(|span| span.name == name)
    })
    .await;
    let spans = collector.spans();
    let steps = [
        "authenticate client",
        "evaluate policy",
        "sign mandate",
        "record",
    ];
    let root = check_family(&spans, name, &steps);
    for (key, value) in [
        ("http.request.method", "POST"),
        ("http.route", "/zones/{zone}/token"),
        ("http.response.status_code", "200"),
        ("caracal.zone", "bank"),
        ("caracal.application", "payout"),
        ("caracal.resource", "https://accounts.example"),
        ("caracal.outcome", "allow"),
    ] {
        assert_eq!(attribute(root, key).as_deref(), Some(value), "{key}");
    }
    assert_eq!(spans.len(), steps.len() + 1, "{spans:#?}");
    assert!(
        collector
            .service_names()
            .iter()
            .all(|name| name == "tokens")
    );

    // A refusal says why.
    assert_eq!(wish("not-the-secret", "01").await.unwrap().status(), 401);
    until("the refusal has arrived", async || {
        collector
            .spans()
            .iter()
            .filter(|span| span.name == name)
            .count()
            == 2
    })
    .await;
    let spans = collector.spans();
    let refused = spans.iter().rev().find(|span| span.name == name).unwrap();
    assert_eq!(
        attribute(refused, "caracal.outcome").as_deref(),
        Some("deny")
    );
    let reason = attribute(refused, "caracal.reason");
    assert_eq!(reason.as_deref(), Some("client_unproven"));
    assert_eq!(attribute(refused, "error.type"), reason);

    let all = collector.text();
    let signature = mandate.rsplit('.').next().unwrap();
    for secret in [
        secret.as_str(),
        "not-the-secret",
        signature,
        &text(&up.token_file()),
    ] {
        assert!(!all.contains(secret), "{secret} in a span");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_of_envoy_joins_the_trace_of_the_request_that_it_checks() {
    let place = Place::new();
    let (collector, endpoint) = Collector::start().await;
    let up = start(&place, &endpoint);
    Admin::of(&place, &up).make_zone();
    let channel = tls::channel(&place, &up.address("gRPC"), "payout").await;
    let mut client = AuthorizationClient::new(channel);
    let http = HttpRequest {
        headers: HashMap::from([
            (":method".to_owned(), "GET".to_owned()),
            (":path".to_owned(), "/accounts/42".to_owned()),
            (":authority".to_owned(), "accounts.example".to_owned()),
            ("traceparent".to_owned(), traceparent("01")),
        ]),
        ..HttpRequest::default()
    };
    let check = CheckRequest {
        attributes: Some(AttributeContext {
            request: Some(Request {
                http: Some(http),
                ..Request::default()
            }),
            ..AttributeContext::default()
        }),
    };
    let answer = client.check(check).await.unwrap().into_inner();
    assert_eq!(answer.status.unwrap().code, 0);
    let name = "envoy.service.auth.v3.Authorization/Check";
    until("the spans have arrived", async || {
        collector.spans().iter().any(|span| span.name == name)
    })
    .await;
    let spans = collector.spans();
    let steps = ["evaluate policy", "sign mandate", "record"];
    let root = check_family(&spans, name, &steps);
    for (key, value) in [
        ("rpc.system", "grpc"),
        ("rpc.service", "envoy.service.auth.v3.Authorization"),
        ("rpc.method", "Check"),
        ("caracal.operation", "read"),
        ("caracal.outcome", "allow"),
    ] {
        assert_eq!(attribute(root, key).as_deref(), Some(value), "{key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_collector_costs_nothing_but_a_counted_drop() {
    let place = Place::new();
    // Bound, never accepted, and gone: nothing answers there.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", gone.local_addr().unwrap());
    drop(gone);
    let up = start(&place, &endpoint);
    let admin = Admin::of(&place, &up);
    admin.make_zone();
    let secret = admin.secret();
    for _ in 0..20 {
        let answer = request(&up.http(), &secret).send().await.unwrap();
        assert_eq!(answer.status(), 200);
    }
    let metrics = up.address("metrics");
    until("the drops are counted", async || {
        let shown = reqwest::get(&metrics).await.unwrap().text().await.unwrap();
        shown.contains("caracal_sts_trace_spans_exported_total 0")
            && shown.contains("caracal_sts_trace_spans_dropped_total 100")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_behind_tls_is_told_who_sends() {
    let place = Place::new();
    let file = |name: &str| text(&place.path(&format!("tls/{name}")));
    let (collector, endpoint) = Collector::start_with_tls(&file("sts.pem"), &file("sts.key")).await;
    let addresses = ["--grpc", "--http", "--admin", "--metrics"];
    let addresses = addresses.map(|flag| [flag, "127.0.0.1:0"]).concat();
    let mut command = place.command(["up"]);
    command
        .args(addresses)
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        .env("OTEL_EXPORTER_OTLP_CERTIFICATE", place.path("tls/ca.pem"))
        .env("OTEL_EXPORTER_OTLP_HEADERS", "api-key=k%2C7, other=1");
    let up = place.serve("up", command);
    let admin = Admin::of(&place, &up);
    admin.make_zone();
    let answer = request(&up.http(), &admin.secret()).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    until("a trace has arrived", async || {
        !collector.spans().is_empty()
    })
    .await;
    let keys = collector.keys();
    assert!(
        keys.iter().all(|key| key.as_deref() == Some("k,7")),
        "{keys:?}"
    );
}
