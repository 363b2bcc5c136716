mod audit;
mod credentials;
mod delegations;
mod grants;
mod keys;
mod proofs;
mod sessions;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use caracal_audit::{CheckpointSigner, ListQuery, Submission};
use caracal_mandate::event::{Action, Component, Event, Outcome};
use caracal_mandate::name::Name;
use caracal_mandate::version::Version;
use caracal_store::{CommitError, KeyRefusal};
use caracal_sts::{
    AckReport, Clock, KeyChange, KeyStatus, PointStatus, SystemRandom, ZoneKeyError,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tower::ServiceExt as _;

use super::*;
use crate::clock::LedgerClock;

const TOKEN: &str = "the-admin-token";

/// A token service whose one enforcement point never answers.
#[derive(Clone, Default)]
struct Silent {
    read: Arc<AtomicU64>,
}

impl Authority for Silent {
    async fn ensure_zone_key(&self, _: &Name) -> Result<(), AuthorityError> {
        Ok(())
    }

    async fn zone_keys(&self, _: &Name) -> Result<Vec<KeyStatus>, KeyListError> {
        Ok(Vec::new())
    }

    async fn rotate_key(&self, _: &Name, _: Option<&str>) -> Result<KeyChange, KeyStepError> {
        Err(ZoneKeyError::from(CommitError::Key(KeyRefusal::Overtaken)).into())
    }

    async fn revoke_key(
        &self,
        _: &Name,
        kid: &str,
        _: Option<&str>,
    ) -> Result<KeyChange, KeyStepError> {
        let name = kid.to_owned();
        Err(ZoneKeyError::from(CommitError::NotFound { kind: "key", name }).into())
    }

    async fn check_policy(&self, source: &str) -> Result<(), PolicyRefusal> {
        if source.contains("package caracal.policy") {
            Ok(())
        } else {
            Err(PolicyRefusal(
                "line 1: the package must be caracal.policy".to_owned(),
            ))
        }
    }

    async fn points(&self) -> Points {
        let applied = Version { term: 1, epoch: 1 };
        let text = |text: &str| text.to_owned();
        let items = vec![PointStatus {
            zone: "bank".parse().unwrap(),
            spiffe_id: text("spiffe://corp.example/edge"),
            instance: text("edge-1"),
            boot: text("boot"),
            role: text("gateway"),
            applied,
            last_ping_age_ms: Some(10),
            lease_ms: 3000,
            connected_ms: 1000,
            software: text("test"),
            mode: text("shadow"),
            lease_remaining_ms: 2990,
            streams: 2,
            last_error: text("it is silent"),
        }];
        Points {
            items,
            complete: true,
        }
    }

    async fn troubles(&self) -> Vec<String> {
        Vec::new()
    }

    async fn wait_read(&self, seq: u64, _: Duration) {
        self.read.store(seq, Ordering::Relaxed);
    }

    async fn wait_applied(&self, _: &Name, _: u64, bound: Duration) -> AckReport {
        let bound_ms = u64::try_from(bound.as_millis()).unwrap();
        let silent = vec!["edge-1".to_owned()];
        AckReport {
            acked: 0,
            expected: 1,
            silent,
            waited_ms: bound_ms,
            bound_ms,
        }
    }
}

struct Fixed;

impl Clock for Fixed {
    fn unix_ms(&self) -> u64 {
        1_900_000_000_000
    }

    fn monotonic_ms(&self) -> u64 {
        0
    }
}

pub(crate) struct Fixture {
    directory: TempDir,
    /// What the stand-in was asked to have read.
    read: Arc<AtomicU64>,
    ledger: Ledger,
    /// Begun by tests of what is then not waited for.
    draining: Draining,
    router: Router,
}

impl Fixture {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock: Arc<dyn Clock> = Arc::new(Fixed);
        let store = Store::open(&directory.path().join("authority.db"))
            .await
            .unwrap();
        let signer = CheckpointSigner::generate("ledger.test").unwrap();
        let ledger_clock = Arc::new(LedgerClock(Arc::clone(&clock)));
        let path = directory.path().join("ledger.db");
        let ledger = Ledger::open(&path, signer, ledger_clock).await.unwrap();
        let random = Arc::new(SystemRandom::new());
        let lease = Duration::from_secs(2);
        let silent = Silent::default();
        let read = Arc::clone(&silent.read);
        let api = Api::new(store, ledger.clone(), silent, clock, random, lease).unwrap();
        let draining = Draining::default();
        let api = api.stopping_with(draining.clone());
        Self {
            directory,
            read,
            ledger,
            draining,
            router: api.router(AdminToken::new(TOKEN)),
        }
    }

    async fn send(&self, request: Request<Body>) -> (StatusCode, Value) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (
            status,
            serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        )
    }

    async fn call(&self, method: &str, path: &str, body: Value, key: &str) -> (StatusCode, Value) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {TOKEN}"));
        let request = if key.is_empty() {
            request
        } else {
            request.header("idempotency-key", key)
        };
        let body = if body.is_null() {
            Body::empty()
        } else {
            Body::from(body.to_string())
        };
        self.send(request.body(body).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        self.call("POST", path, body, "").await
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.call("GET", path, Value::Null, "").await
    }

    pub(crate) async fn bank() -> Self {
        let fixture = Self::new().await;
        let operation = json!({
            "name": "read", "method": "GET", "path": "/accounts/{id}", "scopes": ["accounts:read"],
        });
        for (path, body) in [
            (
                "/v1/zones",
                json!({"name": "bank", "issuer": "https://sts.example/bank"}),
            ),
            (
                "/v1/zones/bank/applications",
                json!({"name": "payout", "spiffe_ids": ["spiffe://corp.example/payout"]}),
            ),
            (
                "/v1/zones/bank/resources",
                json!({"name": "accounts", "uri": "https://accounts.bank",
                       "hosts": ["accounts.bank"], "operations": [operation]}),
            ),
        ] {
            let (status, answer) = fixture.post(path, body).await;
            assert_eq!(status, StatusCode::CREATED, "{answer}");
        }
        fixture
    }

    /// What others have recorded.
    pub(crate) async fn record(&self, events: Vec<Event>) {
        let peer = "local".to_owned();
        let submissions = events.into_iter().map(|event| Submission {
            event,
            peer: peer.clone(),
        });
        self.ledger.append(submissions.collect()).await.unwrap();
    }

    /// Serves it as it is: the address, and the file with the token.
    pub(crate) async fn serve(&self) -> (String, PathBuf) {
        let file = self.directory.path().join("admin.token");
        std::fs::write(&file, TOKEN).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = self.router.clone();
        tokio::spawn(async move { axum::serve(listener, router).await });
        (format!("http://{address}"), file)
    }

    fn grant() -> Value {
        json!({"application": "payout", "resource": "accounts", "scopes": ["accounts:read"]})
    }

    async fn events(&self, zone: &str) -> Vec<Event> {
        let query = ListQuery {
            zone: zone.to_owned(),
            ..ListQuery::default()
        };
        let entries = self.ledger.list(query).await.unwrap();
        entries
            .into_iter()
            .rev()
            .map(|entry| entry.record.unwrap().event)
            .collect()
    }
}

#[tokio::test]
async fn nobody_gets_in_without_the_token() {
    let fixture = Fixture::new().await;
    for headers in [
        &[][..],
        &["Bearer wrong"][..],
        &["Bearer "][..],
        &[TOKEN][..],
        &["Bearer the-admin-token", "Bearer the-admin-token"][..],
    ] {
        for path in ["/v1/zones", "/nowhere"] {
            let mut request = Request::builder().uri(path);
            for header in headers {
                request = request.header("authorization", *header);
            }
            let (status, body) = fixture.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{headers:?}");
            assert_eq!(body["error"], "unauthorized");
        }
    }
    assert_eq!(format!("{:?}", AdminToken::new(TOKEN)), "AdminToken");
}

#[tokio::test]
async fn every_change_and_every_refusal_stands_in_the_ledger() {
    let fixture = Fixture::bank().await;
    let (status, grant) = fixture
        .post("/v1/zones/bank/grants", Fixture::grant())
        .await;
    assert_eq!(status, StatusCode::CREATED);
    let id = grant["id"].as_str().unwrap();
    let unknown = json!({"application": "nobody", "resource": "accounts", "scopes": ["a"]});
    let (status, refusal) = fixture.post("/v1/zones/bank/grants", unknown).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(
        refusal["message"],
        "application nobody does not exist in zone bank: create it first"
    );
    let target = json!({"target": format!("grant/{id}")});
    assert_eq!(
        fixture.post("/v1/zones/bank/revocations", target).await.0,
        StatusCode::CREATED
    );
    let policy = json!({"source": "package wrong"});
    let (status, refusal) = fixture
        .call("PUT", "/v1/zones/bank/policies/active", policy, "")
        .await;
    assert_eq!(
        (status, &refusal["error"]),
        (StatusCode::BAD_REQUEST, &json!("invalid_policy"))
    );

    let events = fixture.events("bank").await;
    for (index, event) in events.iter().enumerate() {
        assert_eq!(
            (event.component, event.action),
            (Component::Control, Action::Admin)
        );
        assert_eq!(event.emitter.seq, index as u64 + 1, "numbers have no gap");
    }
    let told: Vec<_> = events
        .iter()
        .map(|event| (event.outcome, event.detail.as_deref().unwrap()))
        .collect();
    assert_eq!(told[0], (Outcome::Allow, "zone bank created"));
    assert_eq!(told[3], (Outcome::Allow, &*format!("grant {id} created")));
    assert_eq!(told[4].0, Outcome::Deny);
    assert!(
        told[4]
            .1
            .ends_with("refused: application nobody does not exist"),
        "{}",
        told[4].1
    );
    assert_eq!(told[5], (Outcome::Allow, &*format!("grant/{id} revoked")));
    assert_eq!(told[6].0, Outcome::Deny);
    assert_eq!(events[3].grant.as_deref(), Some(id));
    assert_eq!(events[3].epoch, grant["seq"].as_u64());
}

#[tokio::test]
async fn no_change_is_made_that_cannot_be_recorded() {
    let fixture = Fixture::bank().await;
    fixture.ledger.clone().close().await;
    let (status, body) = fixture
        .post("/v1/zones/bank/grants", Fixture::grant())
        .await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(body["error"], "audit_unavailable");
    assert_eq!(
        fixture.get("/v1/zones/bank/grants").await.1,
        json!({"items": []})
    );
}

#[tokio::test]
async fn a_repeated_request_makes_one_grant() {
    let fixture = Fixture::bank().await;
    let path = "/v1/zones/bank/grants";
    let (first, one) = fixture.call("POST", path, Fixture::grant(), "key-1").await;
    let (again, two) = fixture.call("POST", path, Fixture::grant(), "key-1").await;
    assert_eq!((first, again), (StatusCode::CREATED, StatusCode::OK));
    assert_eq!((&one["id"], &one["seq"]), (&two["id"], &two["seq"]));
    assert_eq!(
        (&one["replayed"], &two["replayed"]),
        (&json!(false), &json!(true))
    );
    let mut other = Fixture::grant();
    other["max_lifetime"] = json!(2);
    let (status, body) = fixture.call("POST", path, other, "key-1").await;
    assert_eq!(
        (status, &body["error"]),
        (StatusCode::CONFLICT, &json!("idempotency_conflict"))
    );
    assert_eq!(
        fixture.get(path).await.1["items"].as_array().unwrap().len(),
        1
    );
}

#[tokio::test]
async fn a_change_is_answered_when_the_token_service_beside_us_has_read_it() {
    let fixture = Fixture::bank().await;
    let (_, made) = fixture
        .post("/v1/zones/bank/grants", Fixture::grant())
        .await;
    let read = fixture.read.load(Ordering::Relaxed);
    assert_eq!(made["seq"], read, "{made}");
}

#[tokio::test]
async fn a_revocation_that_waits_says_who_was_silent() {
    let fixture = Fixture::bank().await;
    let body = json!({"target": "zone", "wait": true});
    let (status, answer) = fixture.post("/v1/zones/bank/revocations", body).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(answer["silent"], json!(["edge-1"]));
    assert_eq!(
        answer["bound_ms"], 3000,
        "the longest lease of the zone's points"
    );
    assert_eq!(answer["committed_at_ms"], 1_900_000_000_000_u64);
    let (status, body) = fixture
        .post("/v1/zones/bank/revocations", json!({"target": "moon"}))
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(
        body["message"].as_str().unwrap().contains("use mandate/ID"),
        "{body}"
    );
}

#[tokio::test]
async fn sloppy_requests_are_refused_with_a_reason() {
    let fixture = Fixture::bank().await;
    let extra = json!({"name": "shop", "issuer": "https://x", "admin": true});
    let (status, body) = fixture.post("/v1/zones", extra).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(
        body["message"]
            .as_str()
            .unwrap()
            .contains("unknown field `admin`"),
        "{body}"
    );
    let large = json!({"source": "x".repeat(MAX_BODY_BYTES)});
    let (status, _) = fixture
        .call("PUT", "/v1/zones/bank/policies/active", large, "")
        .await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    for path in [
        "grants",
        "applications",
        "sessions",
        "points/status",
        "policies",
    ] {
        let (status, _) = fixture.get(&format!("/v1/zones/moon/{path}")).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(
        fixture.get("/v1/zones/UPPER/grants").await.0,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(
        fixture.get("/v1/zones/bank/audit?nonsense=1").await.0,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(fixture.get("/v2").await.0, StatusCode::NOT_FOUND);
    assert_eq!(
        fixture.call("DELETE", "/v1/zones", Value::Null, "").await.0,
        StatusCode::METHOD_NOT_ALLOWED
    );
    let mut expired = Fixture::grant();
    expired["expires_at"] = json!(1_900_000_000_u64);
    assert_eq!(
        fixture.post("/v1/zones/bank/grants", expired).await.0,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn lists_show_what_was_made() {
    let fixture = Fixture::bank().await;
    let (_, zones) = fixture.get("/v1/zones").await;
    assert_eq!(zones["items"][0]["name"], "bank");
    let (_, applications) = fixture.get("/v1/zones/bank/applications").await;
    assert_eq!(applications["items"][0]["revoked"], false);
    let point = json!({"name": "edge", "spiffe_id": "spiffe://corp.example/edge",
                       "role": "gateway", "resources": []});
    assert_eq!(
        fixture.post("/v1/zones/bank/points", point).await.0,
        StatusCode::CREATED
    );
    let (_, points) = fixture.get("/v1/zones/bank/points").await;
    assert_eq!(points["items"][0]["role"], "gateway");
    let (_, status) = fixture.get("/v1/zones/bank/points/status").await;
    assert_eq!(status["items"][0]["instance"], "edge-1");
    assert_eq!(status["items"][0]["mode"], "shadow");
    assert_eq!(status["items"][0]["last_error"], "it is silent");
    let policy = json!({"source": "package caracal.policy\nallow := true"});
    let (_, made) = fixture
        .call("PUT", "/v1/zones/bank/policies/active", policy, "")
        .await;
    let (_, policies) = fixture.get("/v1/zones/bank/policies").await;
    assert_eq!(policies["items"][0]["digest"], made["digest"]);
    assert_eq!(policies["items"][0]["active"], true);
    let (_, audit) = fixture
        .get("/v1/zones/bank/audit?limit=1&outcome=allow")
        .await;
    assert_eq!(audit["items"].as_array().unwrap().len(), 1);
    assert_eq!(audit["items"][0]["event"]["action"], "admin");
}
