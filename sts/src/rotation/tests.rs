use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::{Body, to_bytes};
use caracal_mandate::key::KeySet;
use caracal_mandate::reason::Reason;
use caracal_mandate::verify::{Trust, VerifiedMandate, verify};
use caracal_store::model::{KEY_LINGERING_MS, KEY_SETTLING_MS};
use tower::ServiceExt as _;

use super::*;
use crate::authority::FeedScope;
use crate::clock::Clock as _;
use crate::keys::{Es256, KeyEncryptionKey, KeyStorage};
use crate::testing::{PAYOUT, World, asked};

const MONTH_MS: u64 = 30 * 24 * 3600 * 1000;

impl World {
    fn verifying(&self) -> Arc<KeySet> {
        let state = self.service().authority.read();
        Arc::clone(state.zone(&self.zone).unwrap().keys.verifying())
    }

    async fn token(&self) -> Result<String, Reason> {
        let asked = asked();
        let issued = self.service().exchange(Some(PAYOUT), &asked).await;
        issued
            .map(|issued| issued.token().to_owned())
            .map_err(|refused| refused.reason)
    }

    fn verify(&self, token: &str, keys: &KeySet) -> Result<VerifiedMandate, Reason> {
        let trust = Trust {
            zone: &self.zone,
            issuer: "https://sts.example/zones/acme",
            keys,
            delegators: None,
        };
        verify(token.as_bytes(), trust, &Es256)
    }

    fn holds(&self, mandate: &VerifiedMandate) -> Result<(), Reason> {
        let state = self.service().authority.read();
        let zone = state.zone(&self.zone).unwrap();
        mandate.holds(self.clock.unix_ms() / 1000, &zone.revocations)
    }

    /// The key ids of the zone's JWKS.
    async fn jwks(&self) -> BTreeSet<String> {
        let request = axum::http::Request::get("/zones/acme/jwks.json");
        let request = request.body(Body::empty()).unwrap();
        let response = self.sts.http_router().oneshot(request).await.unwrap();
        let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let set: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        let keys = set["keys"].as_array().unwrap().iter();
        keys.map(|key| key["kid"].as_str().unwrap().to_owned())
            .collect()
    }

    async fn states(&self) -> Vec<KeyState> {
        let keys = self.sts.zone_keys(&self.zone).await.unwrap();
        keys.iter().map(|key| key.record.state).collect()
    }

    async fn rotate(&self) -> KeyChange {
        self.sts.rotate_key(&self.zone, None).await.unwrap()
    }

    /// A world in which the next key is settled.
    async fn settled() -> Self {
        let world = Self::open().await;
        world.sts.keep_keys().await;
        world.clock.skip_unix(KEY_SETTLING_MS);
        world
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_refused_while_keys_rotate_again_and_again() {
    let world = Arc::new(World::settled().await);
    let done = Arc::new(AtomicBool::new(false));
    let asking = {
        let (world, done) = (Arc::clone(&world), Arc::clone(&done));
        tokio::spawn(async move {
            let mut signers = BTreeSet::new();
            while !done.load(Ordering::SeqCst) {
                // What the points have that heard nothing new since before the exchange.
                let keys = world.verifying();
                let token = world.token().await.expect("no exchange is refused");
                let mandate = world.verify(&token, &keys);
                let mandate = mandate.expect("every point has the key already");
                signers.insert(mandate.kid().to_owned());
            }
            signers
        })
    };
    for _ in 0..6 {
        world.token().await.unwrap();
        world.rotate().await;
        world.token().await.unwrap();
        world.clock.skip_unix(KEY_SETTLING_MS);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    done.store(true, Ordering::SeqCst);
    let signers = asking.await.unwrap();
    assert!(signers.len() > 3, "{signers:?}");
}

#[tokio::test]
async fn the_old_key_verifies_what_it_signed_and_leaves_jwks_and_feed_only_afterwards() {
    let world = World::settled().await;
    let token = world.token().await.unwrap();
    let old = world
        .verify(&token, &world.verifying())
        .unwrap()
        .kid()
        .to_owned();
    let rotated = world.rotate().await;
    assert_ne!(rotated.signing.as_deref(), Some(&*old));
    let before = world.service().authority.read().applied();
    for _ in 0..2 {
        world.sts.keep_keys().await;
        let mandate = world.verify(&token, &world.verifying()).unwrap();
        assert_eq!(world.holds(&mandate), Ok(()));
        assert!(world.jwks().await.contains(&old));
        world.clock.skip_unix(140_000);
    }
    world.clock.skip_unix(KEY_LINGERING_MS - 2 * 140_000 - 5000);
    world.sts.keep_keys().await;
    let mandate = world.verify(&token, &world.verifying()).unwrap();
    assert_eq!(world.holds(&mandate), Err(Reason::MandateExpired));
    world.clock.skip_unix(5000);
    world.sts.keep_keys().await;
    world.applied(world.store.head().await.unwrap()).await;
    assert!(!world.jwks().await.contains(&old));
    assert_eq!(
        world.verify(&token, &world.verifying()).err(),
        Some(Reason::MandateKey)
    );
    let state = world.service().authority.read();
    let feed = &state.zone(&world.zone).unwrap().feed;
    let told = format!("{:?}", feed.after(before, &FeedScope::Zone).unwrap());
    assert!(told.contains(&format!("KeyRemoved(\"{old}\")")), "{told}");
}

#[tokio::test]
async fn a_key_that_was_just_published_does_not_sign_yet() {
    let world = World::open().await;
    let error = world.sts.rotate_key(&world.zone, None).await.unwrap_err();
    assert!(error.to_string().contains("has to wait for"), "{error}");
    assert_eq!(
        world.states().await,
        [KeyState::Published, KeyState::Active]
    );
    world.clock.skip_unix(KEY_SETTLING_MS);
    let (one, again) = (
        world.sts.rotate_key(&world.zone, Some("r-1")).await,
        world.sts.rotate_key(&world.zone, Some("r-1")).await,
    );
    let (one, again) = (one.unwrap(), again.unwrap());
    assert_eq!(one.committed.seq, again.committed.seq);
    assert_eq!(
        (again.committed.replayed, again.signing),
        (true, one.signing)
    );
}

#[tokio::test]
async fn keys_are_replaced_when_their_time_is_over_by_one_of_several_services() {
    let world = World::open().await;
    let kek = KeyEncryptionKey::from_bytes(world.kek);
    let other = world.replica(kek.into()).await;
    for sts in [&world.sts, &other] {
        sts.keep_keys().await;
    }
    assert_eq!(
        world.states().await,
        [KeyState::Published, KeyState::Active]
    );
    world.clock.skip_unix(MONTH_MS - 60_000);
    world.sts.keep_keys().await;
    assert_eq!(world.states().await.len(), 2, "not before its time");
    world.clock.skip_unix(60_000);
    tokio::join!(world.sts.keep_keys(), other.keep_keys());
    assert_eq!(
        world.states().await,
        [KeyState::Published, KeyState::Active, KeyState::Retired]
    );
    world.applied(world.store.head().await.unwrap()).await;
    world.token().await.unwrap();
    let told = world.events("acme").await;
    let rotated = |event: &&caracal_mandate::event::Event| {
        let detail = event.detail.as_deref().unwrap_or_default();
        detail.contains("activated") && detail.contains("retired")
    };
    assert_eq!(told.iter().filter(rotated).count(), 1);
}

#[tokio::test]
async fn a_revoked_key_and_all_that_was_issued_are_refused_at_once_and_the_next_key_signs() {
    let world = World::settled().await;
    let early = world.token().await.unwrap();
    let first = world.rotate().await.signing.unwrap();
    let late = world.token().await.unwrap();
    let keys = world.verifying();
    let retired = world.verify(&early, &keys).unwrap();
    assert_eq!(world.holds(&retired), Ok(()));
    let revoked = world.sts.revoke_key(&world.zone, &first, None).await;
    let signing = revoked.unwrap().signing.unwrap();
    assert_ne!(signing, first);
    let now = world.verifying();
    assert_eq!(world.verify(&late, &now).err(), Some(Reason::MandateKey));
    // Exchanged, perhaps, from what the thief of the key had forged.
    assert_eq!(world.holds(&retired), Err(Reason::Revoked));
    // The watermark is to the second.
    world.clock.skip_unix(1000);
    let token = world.token().await.unwrap();
    assert_eq!(world.verify(&token, &now).unwrap().kid(), signing);
    assert_eq!(
        world.states().await,
        [
            KeyState::Published,
            KeyState::Active,
            KeyState::Revoked,
            KeyState::Retired
        ]
    );
}

#[tokio::test]
async fn without_a_key_the_zone_refuses_until_it_has_one() {
    let world = World::open().await;
    let now_ms = world.clock.unix_ms();
    let kid = world.sts.zone_keys(&world.zone).await.unwrap()[0]
        .record
        .kid
        .clone();
    // As by somebody who cannot make keys: nothing waits, so nothing takes over.
    let revoked = world
        .store
        .revoke_key(&world.zone, &kid, now_ms, None)
        .await;
    world.applied(revoked.unwrap().seq).await;
    assert_eq!(world.token().await, Err(Reason::IssuerUnavailable));
    world.sts.keep_keys().await;
    world.clock.skip_unix(1000);
    world.token().await.unwrap();
}

#[tokio::test]
async fn another_key_encryption_key_takes_over_while_the_service_runs() {
    let world = World::open().await;
    let (old, new) = (KeyEncryptionKey::from_bytes(world.kek), [9; 32]);
    let keys =
        KeyStorage::sealed(Arc::new(KeyEncryptionKey::from_bytes(new))).or_opened_by(Arc::new(old));
    let sts = world.replica(keys).await;
    sts.keep_keys().await;
    for key in sts.zone_keys(&world.zone).await.unwrap() {
        let kept = key.kept_in.unwrap();
        let id = format!("{:?}", KeyEncryptionKey::from_bytes(new));
        let id = id.split('"').nth(1).unwrap();
        assert_eq!(kept, format!("database, sealed by {id}"));
    }
    // The old one is not needed any more.
    let alone = world
        .replica(KeyEncryptionKey::from_bytes(new).into())
        .await;
    let asked = asked();
    let issued = alone.service().exchange(Some(PAYOUT), &asked).await;
    assert!(issued.is_ok());
}
