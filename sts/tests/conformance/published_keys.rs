//! Keys that others publish (`jwks_uri`, RFC 7517 §5): read over HTTPS, within bounds.

use std::time::Duration;

use caracal_store::model::Proof;
use caracal_sts::{JwksConfig, StsConfig};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::support::jwt::Key;
use crate::support::publisher::{Manner, Publisher, useless};
use crate::support::{Auth, BANK, ID_TOKEN, PAYOUT_BASIC, Reply, WISH, World, now};

const ISSUER: &str = "https://remote.example";

/// A service that takes ID tokens of an issuer by the keys that it publishes.
struct Remote {
    publisher: Publisher,
    world: World,
    key: Key,
}

impl Remote {
    async fn start() -> Self {
        let key = Key::new(44, "remote-1");
        let publisher = Publisher::start(key.jwks()).await;
        let config = publisher.config();
        Self::start_with(key, publisher, config).await
    }

    async fn start_with(key: Key, publisher: Publisher, config: StsConfig) -> Self {
        let world = World::start_with(config).await;
        world
            .issuer_at("remote", ISSUER, "human", &publisher.url())
            .await;
        Self {
            publisher,
            world,
            key,
        }
    }

    fn token(key: &Key) -> String {
        let mut claims = World::id_token();
        claims["iss"] = json!(ISSUER);
        key.sign(&claims)
    }

    async fn ask_with(&self, token: &str) -> Reply {
        let more = [("resource", BANK), ("scope", "accounts:read")];
        self.world
            .exchange(token, ID_TOKEN, &more, PAYOUT_BASIC)
            .await
    }

    async fn ask(&self) -> Reply {
        self.ask_with(&Self::token(&self.key)).await
    }
}

fn millis(ms: u64) -> tokio::time::Sleep {
    tokio::time::sleep(Duration::from_millis(ms))
}

#[tokio::test]
async fn jwks_uri_keys_of_an_issuer_are_read_once_and_kept() {
    let remote = Remote::start().await;
    for _ in 0..5 {
        let reply = remote.ask().await;
        assert_eq!(reply.status, 200, "{}", reply.text);
    }
    assert_eq!(remote.publisher.asked(), 1);
}

#[tokio::test]
async fn jwks_uri_keys_of_a_client_are_read_where_it_publishes_them() {
    let key = Key::new(45, "worker-1");
    let publisher = Publisher::start(key.jwks()).await;
    let world = World::start_with(publisher.config()).await;
    let jwks_uri = publisher.url().parse().unwrap();
    world
        .credential("crd_uri", "worker", Proof::JwksUri { jwks_uri })
        .await;
    world
        .grant("grt_worker", "worker", "bank", "accounts:read", None)
        .await;
    let assertion = |jti: &str| {
        let claims = json!({"iss": "worker", "sub": "worker", "aud": world.issuer(), "jti": jti,
            "iat": now(), "exp": now() + 60});
        key.sign(&claims)
    };
    for jti in ["a", "b"] {
        let jwt = assertion(jti);
        let reply = world.token(&WISH, Auth::Assertion(&jwt)).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
    }
    let used = assertion("a");
    world
        .token(&WISH, Auth::Assertion(&used))
        .await
        .refuses(401, "invalid_client");
    // A registered key is found without asking anybody, and the published ones are of `worker` alone.
    let own = world.client_key.sign(&world.assertion("own"));
    assert_eq!(world.token(&WISH, Auth::Assertion(&own)).await.status, 200);
    let forged = key.sign(&world.assertion("forged"));
    world
        .token(&WISH, Auth::Assertion(&forged))
        .await
        .refuses(401, "invalid_client");
    assert_eq!(publisher.asked(), 1);
}

#[tokio::test]
async fn jwks_uri_keys_of_a_cluster_are_read_where_it_publishes_them() {
    let key = Key::new(46, "cluster-9");
    let publisher = Publisher::start(key.jwks()).await;
    let world = World::start_with(publisher.config()).await;
    let cluster = "https://cluster.example";
    world
        .issuer_at("other-cluster", cluster, "kubernetes", &publisher.url())
        .await;
    let account = json!({"issuer": cluster, "namespace": "agents", "service_account": "payout"});
    let account = serde_json::from_value(account).unwrap();
    world
        .credential("crd_remote", "payout", Proof::Kubernetes(account))
        .await;
    let claims = json!({"iss": cluster, "sub": "system:serviceaccount:agents:payout",
        "aud": ["caracal"], "iat": now() - 5, "exp": now() + 600});
    let jwt = key.sign(&claims);
    let reply = world.token(&WISH, Auth::Assertion(&jwt)).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
}

#[tokio::test]
async fn jwks_uri_a_new_key_is_found_at_once_and_a_withdrawn_one_is_gone_soon() {
    let remote = Remote::start().await;
    assert_eq!(remote.ask().await.status, 200);
    let next = Key::new(47, "remote-2");
    remote.publisher.publishes(next.jwks());
    millis(500).await;
    let reply = remote.ask_with(&Remote::token(&next)).await;
    assert_eq!(
        reply.status, 200,
        "an unknown kid is asked for: {}",
        reply.text
    );
    let reply = remote.ask().await;
    reply.refuses(400, "invalid_request");
    assert_eq!(reply.json()["reason"], "subject_invalid");
}

#[tokio::test]
async fn jwks_uri_a_withdrawn_key_is_gone_when_the_keys_are_asked_for_again() {
    let remote = Remote::start().await;
    assert_eq!(remote.ask().await.status, 200);
    remote.publisher.publishes(Key::new(47, "remote-2").jwks());
    assert_eq!(remote.ask().await.status, 200, "still fresh");
    millis(1600).await;
    remote.ask().await.refuses(400, "invalid_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn jwks_uri_a_flood_of_unknown_kids_costs_one_fetch_for_each_pause() {
    let remote = std::sync::Arc::new(Remote::start().await);
    assert_eq!(remote.ask().await.status, 200);
    let began = Instant::now();
    let mut flood = JoinSet::new();
    for index in 0..120_u32 {
        let remote = std::sync::Arc::clone(&remote);
        flood.spawn(async move {
            let mut claims = World::id_token();
            claims["iss"] = json!(ISSUER);
            let header = json!({"alg": "ES256", "typ": "JWT", "kid": format!("invented-{index}")});
            let token = remote.key.sign_as(&header, &claims);
            remote.ask_with(&token).await.status
        });
    }
    // Who has a known key goes on meanwhile.
    for _ in 0..5 {
        assert_eq!(remote.ask().await.status, 200);
    }
    let statuses = flood.join_all().await;
    assert!(statuses.iter().all(|status| *status == 400), "{statuses:?}");
    let pauses = usize::try_from(began.elapsed().as_millis() / 400).unwrap();
    let asked = remote.publisher.asked();
    assert!(asked <= pauses + 2, "{asked} fetches in {pauses} pauses");
}

#[tokio::test(flavor = "multi_thread")]
async fn jwks_uri_many_who_ask_at_once_are_one_fetch() {
    let remote = std::sync::Arc::new(Remote::start().await);
    let mut many = JoinSet::new();
    for _ in 0..30 {
        let remote = std::sync::Arc::clone(&remote);
        many.spawn(async move { remote.ask().await.status });
    }
    let statuses = many.join_all().await;
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    assert_eq!(remote.publisher.asked(), 1);
}

#[tokio::test]
async fn jwks_uri_what_is_no_answer_within_bounds_is_no_answer() {
    let answer = |head: &str, body: &str| {
        Manner::Raw(format!(
            "HTTP/1.1 {head}\r\nconnection: close\r\n\r\n{body}"
        ))
    };
    let keys = Key::new(44, "remote-1").jwks().to_string();
    let padded = format!("{{\"keys\":[],\"pad\":\"{}\"}}", "x".repeat(300_000));
    for (what, manner) in [
        ("endless", Manner::Endless),
        (
            "oversized",
            answer("200 OK\r\ncontent-length: 300021", &padded),
        ),
        ("silence", Manner::Silence),
        ("hung up", Manner::HangUp),
        (
            "redirected",
            answer("302 Found\r\nlocation: /keys?tenant=1", &keys),
        ),
        (
            "moved",
            answer(
                "308 Permanent Redirect\r\nlocation: https://other.example/",
                "",
            ),
        ),
        ("an error", answer("500 Internal Server Error", &keys)),
        ("encoded", answer("200 OK\r\ncontent-encoding: gzip", &keys)),
        ("cut off", answer("200 OK\r\ncontent-length: 5000", &keys)),
        ("no JSON", answer("200 OK", "<html>")),
        ("no keys", Manner::Document(useless())),
        (
            "a large head",
            answer(&format!("200 OK\r\nx: {}", "y".repeat(40_000)), &keys),
        ),
    ] {
        let remote = Remote::start().await;
        remote.publisher.answers(manner);
        let began = Instant::now();
        let reply = remote.ask().await;
        reply.refuses(503, "temporarily_unavailable");
        assert_eq!(reply.header("retry-after"), Some("1"), "{what}");
        assert!(
            began.elapsed() < Duration::from_millis(2500),
            "{what}: {:?}",
            began.elapsed()
        );
        assert_eq!(remote.publisher.asked(), 1, "{what}: nobody is asked twice");
    }
}

#[tokio::test]
async fn jwks_uri_the_last_good_keys_are_taken_for_a_while_and_then_no_more() {
    let remote = Remote::start().await;
    assert_eq!(remote.ask().await.status, 200);
    remote.publisher.answers(Manner::HangUp);
    millis(1600).await;
    let reply = remote.ask().await;
    assert_eq!(
        reply.status, 200,
        "not fresh, and nothing newer: {}",
        reply.text
    );
    assert_eq!(remote.publisher.asked(), 2);
    millis(2800).await;
    remote.ask().await.refuses(503, "temporarily_unavailable");
    remote.publisher.publishes(remote.key.jwks());
    millis(500).await;
    assert_eq!(remote.ask().await.status, 200, "as soon as it answers");
}

#[tokio::test]
async fn jwks_uri_an_issuer_that_hangs_costs_a_bounded_time() {
    let remote = Remote::start().await;
    assert_eq!(remote.ask().await.status, 200);
    remote.publisher.answers(Manner::Silence);
    millis(1600).await;
    let began = Instant::now();
    assert_eq!(remote.ask().await.status, 200, "by the last good keys");
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn jwks_uri_this_machine_is_asked_in_development_only() {
    let key = Key::new(44, "remote-1");
    let publisher = Publisher::start(key.jwks()).await;
    let mut config = publisher.config();
    config.jwks.loopback = false;
    let remote = Remote::start_with(key, publisher, config).await;
    remote.ask().await.refuses(503, "temporarily_unavailable");
    assert_eq!(remote.publisher.asked(), 0);
}

#[tokio::test]
async fn jwks_uri_a_publisher_without_a_certificate_that_is_believed_is_not_asked() {
    let key = Key::new(44, "remote-1");
    let publisher = Publisher::start(key.jwks()).await;
    let config = StsConfig {
        jwks: JwksConfig {
            authorities: Vec::new(),
            ..publisher.config().jwks
        },
        ..StsConfig::default()
    };
    let remote = Remote::start_with(key, publisher, config).await;
    remote.ask().await.refuses(503, "temporarily_unavailable");
    assert_eq!(remote.publisher.asked(), 0);
}

#[tokio::test]
async fn jwks_uri_nobody_is_asked_for_a_client_that_is_not_proven() {
    let remote = Remote::start().await;
    let token = Remote::token(&remote.key);
    let more = [("resource", BANK)];
    let auth = Auth::Basic("payout", "cs_wrong");
    let reply = remote.world.exchange(&token, ID_TOKEN, &more, auth).await;
    reply.refuses(401, "invalid_client");
    assert_eq!(remote.publisher.asked(), 0);
}

#[tokio::test]
async fn jwks_uri_an_issuer_that_is_removed_is_trusted_no_more_whatever_is_kept() {
    let remote = Remote::start().await;
    assert_eq!(remote.ask().await.status, 200);
    remote.world.forget_issuer("remote").await;
    remote.ask().await.refuses(400, "invalid_request");
    let other: Value = Key::new(48, "other").jwks();
    let publisher = Publisher::start(other).await;
    remote
        .world
        .issuer_at("remote", ISSUER, "human", &publisher.url())
        .await;
    let reply = remote.ask().await;
    assert_ne!(
        reply.status, 200,
        "the kept keys are those of another address: {}",
        reply.text
    );
}
