use std::sync::atomic::{AtomicU64, Ordering};

use caracal_store::model::KEY_SETTLING_MS;
use caracal_sts::{KeyEncryptionKey, Sts, StsConfig};

use super::*;

const PATH: &str = "/v1/zones/bank/keys";

/// A clock that goes when it is told to.
struct Slow(AtomicU64);

impl Clock for Slow {
    fn unix_ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    fn monotonic_ms(&self) -> u64 {
        0
    }
}

/// The API in front of a real token service.
async fn whole() -> (Fixture, Arc<Slow>) {
    let directory = tempfile::tempdir().unwrap();
    let slow = Arc::new(Slow(AtomicU64::new(1_900_000_000_000)));
    let clock: Arc<dyn Clock> = slow.clone();
    let path = |name: &str| directory.path().join(name);
    let store = Store::open(&path("authority.db")).await.unwrap();
    let signer = CheckpointSigner::generate("ledger.test").unwrap();
    let ledger_clock = Arc::new(LedgerClock(Arc::clone(&clock)));
    let ledger = Ledger::open(&path("ledger.db"), signer, ledger_clock)
        .await
        .unwrap();
    let random = Arc::new(SystemRandom::new());
    let kek = KeyEncryptionKey::from_bytes([1; 32]);
    let config = StsConfig::default();
    let sts = Sts::start(
        store.clone(),
        ledger.clone(),
        kek,
        Arc::clone(&clock),
        random.clone(),
        config,
    )
    .await
    .unwrap();
    let lease = sts.lease();
    let api = Api::new(store, ledger.clone(), sts, clock, random, lease).unwrap();
    let fixture = Fixture {
        directory,
        read: Arc::default(),
        ledger,
        draining: Draining::default(),
        router: api.router(AdminToken::new(TOKEN)),
    };
    let zone = json!({"name": "bank", "issuer": "https://sts.example/bank"});
    let (status, answer) = fixture.post("/v1/zones", zone).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    (fixture, slow)
}

fn column(listed: &Value, member: &str) -> Vec<String> {
    let items = listed["items"].as_array().unwrap().iter();
    items
        .map(|key| key[member].as_str().unwrap_or("-").to_owned())
        .collect()
}

#[tokio::test]
async fn a_rotation_waits_for_the_next_key_to_be_everywhere_and_says_for_how_long() {
    let (fixture, clock) = whole().await;
    let (_, first) = fixture.get(PATH).await;
    assert_eq!(column(&first, "state"), ["active"]);
    let rotate = || fixture.post("/v1/zones/bank/keys/rotate", json!({}));
    let (status, early) = rotate().await;
    assert_eq!(
        (status, &early["error"]),
        (StatusCode::CONFLICT, &json!("key_state"))
    );
    let said = early["message"].as_str().unwrap();
    assert!(
        said.contains("has to wait for another 90 seconds"),
        "{said}"
    );
    clock.0.fetch_add(KEY_SETTLING_MS, Ordering::SeqCst);
    let (status, done) = rotate().await;
    assert_eq!(status, StatusCode::OK, "{done}");
    let (_, listed) = fixture.get(PATH).await;
    assert_eq!(column(&listed, "state"), ["published", "active", "retired"]);
    assert_eq!(column(&listed, "kid")[1], done["signing"].as_str().unwrap());
    assert_eq!(column(&listed, "kid")[2], column(&first, "kid")[0]);
    let kept = column(&listed, "kept_in");
    assert!(
        kept.iter()
            .all(|it| it.starts_with("database, sealed by local/")),
        "{kept:?}"
    );
    let shown = listed.to_string();
    assert!(!shown.contains("\"sealed\""), "{shown}");
}

#[tokio::test]
async fn a_revoked_key_ends_at_once_another_signs_and_the_ledger_knows() {
    let (fixture, _clock) = whole().await;
    let kid = column(&fixture.get(PATH).await.1, "kid").remove(0);
    let path = format!("{PATH}/{kid}");
    let (status, done) = fixture.call("DELETE", &path, Value::Null, "k-1").await;
    assert_eq!(
        (status, &done["replayed"]),
        (StatusCode::OK, &json!(false)),
        "{done}"
    );
    let (again, same) = fixture.call("DELETE", &path, Value::Null, "k-1").await;
    assert_eq!((again, &same["seq"]), (StatusCode::OK, &done["seq"]));
    assert_eq!(same["replayed"], true);
    let (status, twice) = fixture.call("DELETE", &path, Value::Null, "").await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(
        twice["message"].as_str().unwrap().contains("is revoked"),
        "{twice}"
    );
    let (_, listed) = fixture.get(PATH).await;
    assert_eq!(column(&listed, "state"), ["published", "active", "revoked"]);
    assert_eq!(column(&listed, "kid")[1], done["signing"].as_str().unwrap());
    assert_eq!(column(&listed, "kept_in")[2], "-");
    let (_, revocations) = fixture.get("/v1/zones/bank/revocations").await;
    assert_eq!(revocations["items"][0]["target"], json!({"kind": "zone"}));
    let told = fixture.events("bank").await;
    let told: Vec<_> = told
        .iter()
        .filter_map(|event| event.detail.clone())
        .collect();
    assert!(told.contains(&format!("key {kid} revoked")), "{told:?}");
    assert!(
        told.contains(&format!("key {kid} revoked refused: key {kid} is revoked")),
        "{told:?}"
    );
}

#[tokio::test]
async fn a_revocation_waits_for_the_enforcement_points_if_it_is_told_to() {
    let (fixture, _clock) = whole().await;
    let kid = column(&fixture.get(PATH).await.1, "kid").remove(0);
    let wrong = format!("{PATH}/{kid}?wait=maybe");
    let (status, _) = fixture.call("DELETE", &wrong, Value::Null, "").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let path = format!("{PATH}/{kid}?wait=true");
    let (status, done) = fixture.call("DELETE", &path, Value::Null, "k-1").await;
    assert_eq!(status, StatusCode::OK, "{done}");
    assert_eq!(
        (&done["acknowledged"], &done["expected"]),
        (&json!(0), &json!(0))
    );
    let path = format!("{PATH}/{kid}");
    let (_, plain) = fixture.call("DELETE", &path, Value::Null, "k-1").await;
    assert_eq!(
        (&plain["replayed"], plain.get("expected")),
        (&json!(true), None)
    );
}

#[tokio::test]
async fn what_is_no_key_is_not_found() {
    let (fixture, _clock) = whole().await;
    for (path, expected) in [
        ("/v1/zones/bank/keys/nobody", StatusCode::NOT_FOUND),
        ("/v1/zones/moon/keys/nobody", StatusCode::NOT_FOUND),
        ("/v1/zones/bank/keys/%00", StatusCode::BAD_REQUEST),
    ] {
        let (status, answer) = fixture.call("DELETE", path, Value::Null, "").await;
        assert_eq!(status, expected, "{path}: {answer}");
    }
    let (status, _) = fixture.get("/v1/zones/moon/keys").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (status, _) = fixture.post("/v1/zones/moon/keys/rotate", json!({})).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}
