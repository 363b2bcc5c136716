//! The end of a process under load: readiness first, then the doors, and nothing lost between.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use caracal_proto::enforcement::enforcement_client::EnforcementClient;
use caracal_proto::enforcement::watch_request::Message;
use caracal_proto::enforcement::{Hello, WatchRequest, WatchResponse};
use caracal_store::testing::{Durability, OWNER, PostgresServer};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Request};
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest};
use tokio::sync::mpsc::UnboundedSender;
use tonic::Streaming;
use tonic::transport::Channel;

use crate::support::zone::{Admin, exchange, request};
use crate::support::{Place, Serving, tls, until};

/// The feed of an enforcement point beside the application.
async fn feed(channel: Channel) -> (UnboundedSender<WatchRequest>, Streaming<WatchResponse>) {
    let hello = Hello {
        zone: "bank".to_owned(),
        instance: "envoy-1".to_owned(),
        boot: "boot".to_owned(),
        role: "agent".to_owned(),
        software: "test".to_owned(),
        lease_ms: 2000,
        ..Hello::default()
    };
    let hello = WatchRequest {
        message: Some(Message::Hello(hello)),
    };
    // The stream stays open behind its first message.
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    sender.send(hello).unwrap();
    let stream = tokio_stream::wrappers::UnboundedReceiverStream::new(receiver);
    let feed = EnforcementClient::new(channel).watch(stream).await;
    (sender, feed.unwrap().into_inner())
}

/// What Envoy asks for a request of the application.
fn check() -> CheckRequest {
    let headers = [
        (":method", "GET"),
        (":path", "/accounts/42"),
        (":authority", "accounts.example"),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let http = HttpRequest {
        headers: headers.into(),
        ..HttpRequest::default()
    };
    let request = Some(Request {
        http: Some(http),
        ..Request::default()
    });
    let attributes = Some(AttributeContext {
        request,
        ..AttributeContext::default()
    });
    CheckRequest { attributes }
}

fn start(place: &Place, drain_ms: &str) -> Serving {
    let addresses = ["--grpc", "--http", "--admin"];
    let addresses = addresses.map(|flag| [flag, "127.0.0.1:0"]).concat();
    let mut command = place.command(["up", "--drain-ms", drain_ms]);
    command.args(addresses);
    place.serve("up", command)
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one story, from load to ledger")]
async fn no_request_that_was_accepted_is_lost_and_the_ledger_has_each_of_them() {
    let place = Place::new();
    let mut up = start(&place, "2000");
    let admin = Admin::of(&place, &up);
    admin.make_zone();
    let secret = Arc::<str>::from(admin.secret());
    let door = Arc::<str>::from(up.http());
    let (balanced, allowed) = (
        Arc::new(AtomicBool::new(true)),
        Arc::new(AtomicUsize::new(0)),
    );
    let mut load = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (door, secret) = (Arc::clone(&door), Arc::clone(&secret));
        let (balanced, allowed) = (Arc::clone(&balanced), Arc::clone(&allowed));
        load.spawn(async move {
            while balanced.load(Ordering::Acquire) {
                // Any error of the connection is a request that was lost.
                let (status, body) = exchange(&door, &secret).await;
                match status {
                    200 => _ = allowed.fetch_add(1, Ordering::AcqRel),
                    // The limit of one client at this door, which is no loss.
                    429 => tokio::time::sleep(Duration::from_millis(20)).await,
                    _ => panic!("{status} {body}"),
                }
            }
        });
    }
    // At the other door: checks of Envoy on one connection, and a feed that is told when to go.
    let channel = tls::channel(&place, &up.address("gRPC"), "payout").await;
    let (open, mut feed) = feed(channel.clone()).await;
    let gone = tokio::spawn(async move {
        let _open = open;
        loop {
            match feed.message().await {
                Ok(Some(_)) => {}
                ended => return (ended, Instant::now()),
            }
        }
    });
    let checks = Arc::new(AtomicUsize::new(0));
    let (counted, checking) = (Arc::clone(&checks), Arc::clone(&balanced));
    load.spawn(async move {
        let mut client = AuthorizationClient::new(channel);
        while checking.load(Ordering::Acquire) {
            let answer = client.check(check()).await.expect("an answer").into_inner();
            assert_eq!(answer.status.unwrap().code, 0);
            counted.fetch_add(1, Ordering::AcqRel);
        }
    });
    until("there is load", async || {
        allowed.load(Ordering::Acquire) > 100
    })
    .await;
    up.signal("TERM");
    let told = Instant::now();
    // What a load balancer does: it looks, and sends no more once it sees red.
    until("readiness is red", async || {
        let (status, body) = up.readiness(&door).await;
        status == 503 && body["stopping"] == true
    })
    .await;
    assert!(
        told.elapsed() < Duration::from_millis(500),
        "{:?}",
        told.elapsed()
    );
    let before = allowed.load(Ordering::Acquire);
    until("exchanges go on", async || {
        allowed.load(Ordering::Acquire) > before + 20
    })
    .await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    balanced.store(false, Ordering::Release);
    while let Some(ended) = load.join_next().await {
        ended.expect("no request was lost");
    }
    assert!(checks.load(Ordering::Acquire) > 10);
    let (ended, at) = gone.await.unwrap();
    assert_eq!(ended.unwrap_err().code(), tonic::Code::Unavailable);
    assert!(
        at.duration_since(told) >= Duration::from_millis(1900),
        "not before the drain"
    );
    let status = up.ended(Duration::from_secs(15));
    assert!(status.success(), "{status} {}", up.printed());
    assert!(told.elapsed() >= Duration::from_secs(2), "it drained");

    // The ledger was flushed and published: offline, it has a decision for each answer.
    let ledger = up.data.join("ledger.db");
    let mut verify = place.command(["audit", "verify", "--ledger"]);
    verify
        .arg(&ledger)
        .arg("--key")
        .arg(up.data.join("ledger.vkey"));
    let verified = verify.output();
    crate::support::succeeded(&verified.unwrap());
    let again = start(&place, "0");
    let admin = Admin::of(&place, &again);
    let issued = admin.run(&["audit", "list", "--outcome", "allow", "--limit", "1000"]);
    let issued = issued["items"].as_array().unwrap();
    let issued = issued
        .iter()
        .filter(|entry| entry.to_string().contains("\"exchange\""));
    let allowed = allowed.load(Ordering::Acquire);
    assert!(
        issued.count() >= allowed.min(900),
        "{allowed} were answered"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_kept_is_told_to_close_while_the_process_drains() {
    let place = Place::new();
    let mut up = start(&place, "60000");
    let admin = Admin::of(&place, &up);
    admin.make_zone();
    let (door, secret) = (up.http(), admin.secret());
    let closing = async || {
        let answer = request(&door, &secret).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer
            .headers()
            .get("connection")
            .is_some_and(|value| value == "close")
    };
    assert!(!closing().await);
    up.signal("TERM");
    until("answers ask to close", closing).await;
    // A second signal says that nobody needs the time.
    let told = Instant::now();
    up.signal("TERM");
    assert!(
        up.ended(Duration::from_secs(15)).success(),
        "{}",
        up.printed()
    );
    assert!(told.elapsed() < Duration::from_secs(12));
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_names_a_database_that_is_away_and_comes_back_with_it() {
    let server = PostgresServer::start(Durability::Memory);
    let place = Place::new();
    let owner = server.empty_database().await.to_string();
    let name = owner.rsplit('/').next().unwrap();
    let url = server.url_text(OWNER, name.split('?').next().unwrap());
    for step in ["migrate", "roles"] {
        let mut command = place.command(["db", step, "--database", &url]);
        let made = command.args(["--ledger-database", &url]).output();
        crate::support::succeeded(&made.unwrap());
    }
    let flags = ["--grpc", "--http", "--admin"].map(|flag| [flag, "127.0.0.1:0"]);
    let mut command = place.command(["up", "--database", &url, "--ledger-database", &url]);
    command.args(flags.concat());
    let up = place.serve("up", command);
    Admin::of(&place, &up).make_zone();
    let door = up.http();
    until("it is ready", async || up.readiness(&door).await.0 == 200).await;
    server
        .without(async {
            until("both databases are named", async || {
                let (status, body) = up.readiness(&door).await;
                let (log, ledger) = (&body["authority_log"], &body["ledger"]);
                status == 503
                    && log["ok"] == false
                    && log["age_ms"].as_u64() >= log["lease_ms"].as_u64()
                    && ledger["answers"] == false
                    // A key that was not opened before cannot be now, which is a third reason.
                    && body["reasons"].as_array().unwrap().len() >= 2
            })
            .await;
            let (status, _) = up.readiness(&up.admin()).await;
            assert_eq!(status, 503, "the management API says so as well");
        })
        .await;
    until("it is ready again", async || {
        up.readiness(&door).await.0 == 200
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_names_zones_whose_key_does_not_open_here() {
    let place = Place::new();
    let mut up = start(&place, "0");
    Admin::of(&place, &up).make_zone();
    up.signal("TERM");
    assert!(up.ended(Duration::from_secs(15)).success());
    // Another key-encryption key than the one that sealed the zone's key.
    std::fs::write(up.data.join("kek"), [9; 32]).unwrap();
    let up = start(&place, "0");
    until("the zone is named", async || {
        let (status, body) = up.readiness(&up.http()).await;
        let keys = &body["keys"];
        status == 503 && keys["ok"] == false && keys["locked"] == serde_json::json!(["bank"])
    })
    .await;
}
