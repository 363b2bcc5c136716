use caracal_mandate::lease::Reading;

use crate::clock::Clock as _;
use crate::testing::{PAYOUT, World, name};

use super::*;

#[tokio::test]
async fn a_service_that_starts_later_knows_the_same() {
    let world = World::open().await;
    world.revoke("mandate/mdt_1").await;
    let authority = Arc::new(Authority::new(world.store.term()));
    let tailer = Tailer {
        store: world.store.clone(),
        authority: Arc::clone(&authority),
        policies: Arc::default(),
        clock: world.clock.clone(),
        pause: std::time::Duration::from_millis(100),
    };
    tailer.catch_up().await.unwrap();
    let (booted, followed) = (authority.read(), world.service().authority.read());
    assert_eq!(booted.applied(), followed.applied());
    let zones = [
        booted.zone(&world.zone).unwrap(),
        followed.zone(&world.zone).unwrap(),
    ];
    for zone in zones {
        assert!(zone.keys.signing().is_some());
        assert_eq!((zone.catalog.len(), zone.revocations.len()), (2, 1));
        assert!(matches!(zone.policy, Some(ZonePolicy::Ready(_))));
        let bank = name("bank");
        assert_eq!(zone.grants(&name("payout"), &bank).count(), 1);
    }
    assert!(matches!(
        booted.identity(PAYOUT),
        Some(Identity::Application { .. })
    ));
}

#[tokio::test]
async fn a_read_is_confirmed_by_when_it_began() {
    let world = World::empty().await;
    let authority = &world.service().authority;
    let now = world.clock.reading();
    assert!(authority.confirmed_ms(now).unwrap() <= now.monotonic_ms);
    assert!(authority.is_fresh(now, 2000));
    let later = Reading {
        monotonic_ms: now.monotonic_ms + 10_000,
        unix_ms: now.unix_ms + 10_000,
    };
    assert!(!authority.is_fresh(later, 2000));
    assert!(!Authority::new(1).is_fresh(now, 2000));
}

#[tokio::test]
async fn what_was_confirmed_before_the_machine_stood_still_is_not_fresh() {
    let world = World::empty().await;
    let authority = &world.service().authority;
    let now = world.clock.reading();
    let resumed = Reading {
        unix_ms: now.unix_ms + 10_000,
        ..now
    };
    assert_eq!(authority.confirmed_ms(resumed), None);
    assert!(!authority.is_fresh(resumed, 2000));
}

#[tokio::test]
async fn a_feed_that_does_not_reach_back_says_so() {
    let world = World::open().await;
    let state = world.service().authority.read();
    let zone = state.zone(&world.zone).unwrap();
    assert!(zone.feed.after(0, &FeedScope::Zone).is_err());
    assert!(
        zone.feed
            .after(state.applied(), &FeedScope::Zone)
            .unwrap()
            .is_empty()
    );
}

fn credential(id: &str, proof: &serde_json::Value, expires_at: Option<u64>) -> Change {
    let credential = serde_json::json!({
        "id": id, "application": "payout", "created_at": 1, "expires_at": expires_at,
        "proof": proof,
    });
    Change::CredentialAdded(serde_json::from_value(credential).unwrap())
}

fn cluster() -> Change {
    let issuer = serde_json::json!({
        "name": "cluster", "issuer": "https://cluster.example", "purpose": "kubernetes",
        "audiences": ["https://sts.example/zones/acme"], "subject_claim": "sub",
        "jwks_uri": "https://cluster.example/openid/v1/jwks", "max_token_age": 3600,
    });
    Change::IssuerCreated(serde_json::from_value(issuer).unwrap())
}

fn account() -> serde_json::Value {
    serde_json::json!({
        "kind": "kubernetes", "issuer": "https://cluster.example", "namespace": "payments",
        "service_account": "worker",
    })
}

fn secret() -> serde_json::Value {
    let hash = caracal_store::model::SecretHash::of("cs_test");
    serde_json::json!({"kind": "secret", "sha256": hash})
}

impl World {
    fn held(&self, now_s: u64) -> Vec<String> {
        let state = self.service().authority.read();
        let zone = state.zone(&self.zone).unwrap();
        let held = zone.credentials(&name("payout"), now_s);
        held.map(|credential| credential.id.clone()).collect()
    }

    async fn withdraw(&self, id: &str) {
        let (application, id) = (name("payout"), id.to_owned());
        let which = caracal_store::model::CredentialRef { application, id };
        self.commit(Change::CredentialRevoked(which)).await;
    }
}

#[tokio::test]
async fn credentials_are_known_until_they_expire_or_are_revoked() {
    let world = World::open().await;
    world
        .commit(credential("crd_1", &secret(), Some(100)))
        .await;
    world.commit(credential("crd_2", &secret(), None)).await;
    assert_eq!(world.held(99), ["crd_1", "crd_2"]);
    assert_eq!(world.held(100), ["crd_2"]);
    world.withdraw("crd_2").await;
    assert_eq!(world.held(99), ["crd_1"]);
    world.revoke("application/payout").await;
    assert!(world.held(99).is_empty());
}

#[tokio::test]
async fn a_service_account_leads_to_its_application_only_while_it_is_live() {
    let world = World::open().await;
    world.commit(cluster()).await;
    world
        .commit(credential("crd_1", &account(), Some(100)))
        .await;
    let key: caracal_store::model::ServiceAccount = {
        let mut members = account();
        members.as_object_mut().unwrap().remove("kind");
        serde_json::from_value(members).unwrap()
    };
    let application = |now_s| {
        let state = world.service().authority.read();
        let zone = state.zone(&world.zone).unwrap();
        zone.service_account(&key, now_s).cloned()
    };
    assert_eq!(application(99), Some(name("payout")));
    assert_eq!(application(100), None);
    world.withdraw("crd_1").await;
    assert_eq!(application(99), None);
    world.commit(credential("crd_2", &account(), None)).await;
    assert_eq!(application(99), Some(name("payout")));
    world.revoke("application/payout").await;
    assert_eq!(application(99), None);
}

#[tokio::test]
async fn an_issuer_is_trusted_until_it_is_removed() {
    let world = World::open().await;
    world.commit(cluster()).await;
    let trusted = |iss: &str| {
        let state = world.service().authority.read();
        let zone = state.zone(&world.zone).unwrap();
        zone.issuer(iss).is_some()
    };
    assert!(trusted("https://cluster.example"));
    assert!(!trusted("https://cluster.example/"));
    world.commit(Change::IssuerRemoved(name("cluster"))).await;
    assert!(!trusted("https://cluster.example"));
}

#[tokio::test]
async fn a_further_workload_is_known_until_its_credential_is_revoked() {
    const SECOND: &str = "spiffe://d.example/payout-2";
    let world = World::open().await;
    let proof = serde_json::json!({"kind": "spiffe", "spiffe_id": SECOND});
    world.commit(credential("crd_1", &proof, None)).await;
    let session = caracal_store::model::Session {
        id: "ses_1".to_owned(),
        application: name("payout"),
        holder: SECOND.parse().unwrap(),
        opened_at: 1,
        parent: None,
        terms: None,
    };
    world.commit(Change::SessionOpened(session)).await;
    let known = || {
        let state = world.service().authority.read();
        let zone = state.zone(&world.zone).unwrap();
        let session = zone.sessions.find(None, &name("payout"), SECOND).is_some();
        (state.identity(SECOND).is_some(), session)
    };
    assert_eq!(known(), (true, true));
    world.withdraw("crd_1").await;
    assert_eq!(known(), (false, false));
    assert!(world.service().authority.read().identity(PAYOUT).is_some());
}
