//! The service through its own doors: mutual TLS on loopback, and the HTTP router.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use caracal_audit::{CheckpointSigner, Ledger};
use caracal_mandate::name::Name;
use caracal_proto::enforcement::enforcement_client::EnforcementClient;
use caracal_proto::enforcement::watch_request::Message;
use caracal_proto::enforcement::watch_response::Message as Answer;
use caracal_proto::enforcement::{Hello, Ping, WatchRequest};
use caracal_store::Store;
use caracal_store::model::{Application, Change, Grant, GrantConditions, Policy, Zone};
use caracal_sts::{
    Clock, KeyEncryptionKey, PolicyDigest, Sts, StsConfig, SystemClock, SystemRandom, TlsFiles,
};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Request as Asked};
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType};
use tokio::net::TcpListener;
use tokio_stream::StreamExt as _;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Identity};
use tower::ServiceExt as _;

const PAYOUT: &str = "spiffe://d.example/payout";

struct LedgerClock(Arc<SystemClock>);

impl caracal_audit::Clock for LedgerClock {
    fn unix_ms(&self) -> u64 {
        self.0.unix_ms()
    }
}

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    fn identity(&self, spiffe_id: &str) -> (String, String) {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params
            .subject_alt_names
            .push(SanType::URI(spiffe_id.try_into().unwrap()));
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    async fn channel(
        &self,
        port: u16,
        spiffe_id: Option<&str>,
    ) -> Result<Channel, tonic::transport::Error> {
        let mut tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(&self.pem))
            .domain_name("localhost");
        if let Some(spiffe_id) = spiffe_id {
            let (certificate, key) = self.identity(spiffe_id);
            tls = tls.identity(Identity::from_pem(certificate, key));
        }
        let endpoint = format!("https://localhost:{port}");
        Channel::from_shared(endpoint)
            .unwrap()
            .tls_config(tls)?
            .connect()
            .await
    }
}

async fn commit(store: &Store, zone: &Name, change: Change) -> u64 {
    store.commit(zone, change, 1, None).await.unwrap().seq
}

async fn start(directory: &Path) -> (Sts, Name) {
    let clock = Arc::new(SystemClock::new());
    let store = Store::open(&directory.join("authority.db")).await.unwrap();
    let signer = CheckpointSigner::generate("test").unwrap();
    let ledger_clock = Arc::new(LedgerClock(Arc::clone(&clock)));
    let ledger = Ledger::open(&directory.join("ledger.db"), signer, ledger_clock)
        .await
        .unwrap();
    let zone: Name = "acme".parse().unwrap();
    let issuer = "https://sts.example/zones/acme".to_owned();
    commit(
        &store,
        &zone,
        Change::ZoneCreated(Zone {
            name: zone.clone(),
            issuer,
        }),
    )
    .await;
    let application = Application {
        name: "payout".parse().unwrap(),
        spiffe_ids: vec![PAYOUT.parse().unwrap()],
    };
    commit(&store, &zone, Change::ApplicationCreated(application)).await;
    let resource = serde_json::json!({
        "name": "bank", "uri": "https://bank.internal", "hosts": ["bank.internal"],
        "operations": [{"name": "read", "method": "GET", "path": "/a", "scopes": ["accounts:read"]}],
    });
    commit(
        &store,
        &zone,
        Change::ResourcePut(serde_json::from_value(resource).unwrap()),
    )
    .await;
    let grant = Grant {
        id: "grt_AAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        application: "payout".parse().unwrap(),
        resource: "bank".parse().unwrap(),
        scopes: caracal_mandate::scope::ScopeSet::parse("accounts:read").unwrap(),
        expires_at: None,
        max_lifetime: None,
        conditions: GrantConditions::default(),
    };
    commit(&store, &zone, Change::GrantCreated(grant)).await;
    let source = "package caracal.policy\nallow := true\n".to_owned();
    let digest = PolicyDigest::of(&source).as_str().to_owned();
    commit(
        &store,
        &zone,
        Change::PolicyActivated(Policy { digest, source }),
    )
    .await;
    let (kek, _) = KeyEncryptionKey::generate().unwrap();
    let random = Arc::new(SystemRandom::new());
    let sts = Sts::start(store, ledger, kek, clock, random, StsConfig::default())
        .await
        .unwrap();
    sts.ensure_zone_key(&zone).await.unwrap();
    (sts, zone)
}

async fn serve(sts: &Sts, authority: &Authority, directory: &Path) -> u16 {
    let (certificate, key) = authority.identity("spiffe://d.example/sts");
    let files = TlsFiles {
        cert: directory.join("cert.pem"),
        key: directory.join("key.pem"),
        ca: directory.join("ca.pem"),
    };
    std::fs::write(&files.cert, certificate).unwrap();
    std::fs::write(&files.key, key).unwrap();
    std::fs::write(&files.ca, &authority.pem).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let sts = sts.clone();
    tokio::spawn(async move {
        sts.serve_grpc(listener, files, std::future::pending())
            .await
            .unwrap();
    });
    port
}

fn check() -> CheckRequest {
    let headers = [
        (":method", "GET"),
        (":path", "/a"),
        (":authority", "bank.internal"),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let http = HttpRequest {
        headers: headers.into(),
        ..HttpRequest::default()
    };
    let request = Some(Asked {
        http: Some(http),
        ..Asked::default()
    });
    CheckRequest {
        attributes: Some(AttributeContext {
            request,
            ..AttributeContext::default()
        }),
    }
}

#[tokio::test]
async fn the_certificate_is_the_identity_of_the_caller() {
    let directory = tempfile::tempdir().unwrap();
    let (sts, _) = start(directory.path()).await;
    let authority = Authority::new();
    let port = serve(&sts, &authority, directory.path()).await;
    for (id, code) in [
        (PAYOUT, 0),
        ("spiffe://d.example/stranger", 7),
        ("https://d.example/x", 16),
    ] {
        let channel = authority.channel(port, Some(id)).await.unwrap();
        let answer = AuthorizationClient::new(channel)
            .check(check())
            .await
            .unwrap()
            .into_inner();
        assert_eq!(answer.status.unwrap().code, code, "{id}");
    }
    // Without a certificate, and with one of another authority, there is no call at all.
    if let Ok(channel) = authority.channel(port, None).await {
        assert!(
            AuthorizationClient::new(channel)
                .check(check())
                .await
                .is_err()
        );
    }
    let stranger = Authority::new();
    if let Ok(channel) = stranger.channel(port, Some(PAYOUT)).await {
        assert!(
            AuthorizationClient::new(channel)
                .check(check())
                .await
                .is_err()
        );
    }
}

#[tokio::test]
async fn a_point_watches_and_is_listed() {
    let directory = tempfile::tempdir().unwrap();
    let (sts, zone) = start(directory.path()).await;
    let authority = Authority::new();
    let port = serve(&sts, &authority, directory.path()).await;
    let channel = authority.channel(port, Some(PAYOUT)).await.unwrap();
    let hello = Message::Hello(Hello {
        zone: zone.to_string(),
        instance: "sidecar".to_owned(),
        lease_ms: 2000,
        ..Hello::default()
    });
    let messages = [hello, Message::Ping(Ping { nonce: 5 })].map(|message| WatchRequest {
        message: Some(message),
    });
    let outgoing = tokio_stream::iter(messages).chain(tokio_stream::pending());
    let mut feed = EnforcementClient::new(channel)
        .watch(outgoing)
        .await
        .unwrap()
        .into_inner();
    let pong = async {
        loop {
            let answer = feed.next().await.unwrap().unwrap().message.unwrap();
            if let Answer::Pong(pong) = answer {
                return pong;
            }
        }
    };
    let pong = tokio::time::timeout(Duration::from_secs(5), pong)
        .await
        .unwrap();
    assert_eq!(pong.nonce, 5);
    let points = sts.points();
    assert_eq!((points.len(), points[0].spiffe_id.as_str()), (1, PAYOUT));
}

#[tokio::test]
async fn keys_and_health_are_served_over_http() {
    let directory = tempfile::tempdir().unwrap();
    let (sts, _) = start(directory.path()).await;
    let get = async |path: &str| {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = sts.http_router().oneshot(request).await.unwrap();
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), 65_536)
            .await
            .unwrap();
        (
            status,
            serde_json::from_slice::<serde_json::Value>(&body).unwrap_or_default(),
        )
    };
    let (status, keys) = get("/zones/acme/jwks.json").await;
    assert_eq!(status, StatusCode::OK);
    let key = &keys["keys"][0];
    assert_eq!(
        (&key["kty"], &key["crv"], &key["alg"]),
        (&"EC".into(), &"P-256".into(), &"ES256".into())
    );
    assert_eq!(key.as_object().unwrap().len(), 7);
    assert_eq!(get("/zones/other/jwks.json").await.0, StatusCode::NOT_FOUND);
    assert_eq!(
        get("/zones/NO.NAME/jwks.json").await.0,
        StatusCode::NOT_FOUND
    );
    assert_eq!(get("/healthz").await.0, StatusCode::OK);
    let (status, readiness) = get("/readyz").await;
    assert_eq!(status, StatusCode::OK, "{readiness}");
    assert_eq!(readiness["ready"], true);
    assert_eq!(readiness["reasons"], serde_json::json!([]));
    assert_eq!(readiness["keys"]["zones"], 1);
}
