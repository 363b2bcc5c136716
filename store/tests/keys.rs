//! The life of signing keys: every step at its time, and what holds in every history.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a step that fails here fails its test"
)]

mod fixture;

use std::collections::BTreeMap;

use caracal_mandate::claims::MAX_LIFETIME_SECONDS;
use caracal_store::model::{
    Change, KEY_LINGERING_MS, KEY_SETTLING_MS, KeyActivation, KeyState, LogEntry, SigningKey,
};
use caracal_store::{CommitError, Committed, KeyRefusal};
use fixture::{AT_MS, Database, Fixture, name};
use proptest::prelude::*;

type Answer = Result<Committed, CommitError>;

impl Fixture {
    async fn publish(&self, kid: &str, at_ms: u64) -> Answer {
        let (kid, point) = (kid.to_owned(), "point".to_owned());
        let key = SigningKey { kid, point };
        self.store
            .publish_key(&name("bank"), key, b"sealed", at_ms)
            .await
    }

    async fn activate(&self, kid: &str, replaces: Option<&str>, at_ms: u64) -> Answer {
        let activation = KeyActivation {
            kid: kid.to_owned(),
            replaces: replaces.map(str::to_owned),
        };
        self.store
            .activate_key(&name("bank"), activation, at_ms, None)
            .await
    }

    async fn states(&self) -> Vec<(String, KeyState)> {
        let keys = self.store.keys(&name("bank")).await.unwrap();
        keys.into_iter().map(|key| (key.kid, key.state)).collect()
    }

    /// `k1` is retired since [`HANDOVER_MS`], `k2` signs, `k3` waits.
    async fn rotated(database: Database) -> Self {
        let fixture = Self::bank(database).await;
        fixture.publish("k1", AT_MS).await.unwrap();
        fixture.activate("k1", None, AT_MS).await.unwrap();
        fixture.publish("k2", AT_MS).await.unwrap();
        fixture
            .activate("k2", Some("k1"), HANDOVER_MS)
            .await
            .unwrap();
        fixture.publish("k3", HANDOVER_MS).await.unwrap();
        fixture
    }
}

const HANDOVER_MS: u64 = AT_MS + KEY_SETTLING_MS;

fn refusal(answer: Answer) -> KeyRefusal {
    match answer {
        Err(CommitError::Key(refusal)) => refusal,
        other => panic!("no refusal of a key: {other:?}"),
    }
}

fn states(expected: &[(&str, KeyState)]) -> Vec<(String, KeyState)> {
    let own = |(kid, state): &(&str, KeyState)| ((*kid).to_owned(), *state);
    expected.iter().map(own).collect()
}

async fn the_first_key_signs_at_once_and_a_successor_when_it_is_settled(database: Database) {
    let fixture = Fixture::bank(database).await;
    fixture.publish("k1", AT_MS).await.unwrap();
    fixture.activate("k1", None, AT_MS).await.unwrap();
    fixture.publish("k2", AT_MS).await.unwrap();
    let early = fixture.activate("k2", Some("k1"), HANDOVER_MS - 1).await;
    let kid = "k2".to_owned();
    assert_eq!(refusal(early), KeyRefusal::TooEarly { kid, wait_ms: 1 });
    fixture
        .activate("k2", Some("k1"), HANDOVER_MS)
        .await
        .unwrap();
    assert_eq!(
        fixture.states().await,
        states(&[("k2", KeyState::Active), ("k1", KeyState::Retired)])
    );
}

async fn of_two_who_rotate_at_once_one_succeeds(database: Database) {
    let fixture = Fixture::rotated(database).await;
    let later = HANDOVER_MS + KEY_SETTLING_MS;
    let other = fixture.another().await;
    let activation = || KeyActivation {
        kid: "k3".to_owned(),
        replaces: Some("k2".to_owned()),
    };
    let bank = name("bank");
    let (one, two) = tokio::join!(
        fixture.store.activate_key(&bank, activation(), later, None),
        other.activate_key(&bank, activation(), later, None),
    );
    let (won, lost) = if one.is_ok() { (one, two) } else { (two, one) };
    won.unwrap();
    assert_eq!(refusal(lost), KeyRefusal::Overtaken);
    fixture.publish("k4", later).await.unwrap();
    let kid = "k4".to_owned();
    assert_eq!(
        refusal(fixture.publish("k5", later).await),
        KeyRefusal::NextExists { kid }
    );
}

async fn a_retired_key_stays_until_nothing_that_it_signed_is_alive(database: Database) {
    let fixture = Fixture::rotated(database).await;
    let bank = name("bank");
    let due = HANDOVER_MS + KEY_LINGERING_MS;
    let early = fixture.store.drop_key(&bank, "k1", due - 1).await;
    assert!(matches!(refusal(early), KeyRefusal::TooEarly { .. }));
    for kid in ["k2", "k3"] {
        let refused = refusal(fixture.store.drop_key(&bank, kid, due).await);
        assert!(matches!(refused, KeyRefusal::State { .. }), "{refused:?}");
    }
    fixture.store.drop_key(&bank, "k1", due).await.unwrap();
    assert_eq!(fixture.states().await[2].1, KeyState::Dropped);
    let sealed = fixture.store.sealed_key(&bank, "k1").await.unwrap();
    assert_eq!(sealed, None, "its private half is gone with it");
}

async fn when_the_signing_key_is_revoked_the_one_that_waits_takes_over_at_once(database: Database) {
    let fixture = Fixture::rotated(database).await;
    let bank = name("bank");
    let store = &fixture.store;
    let key = Some("emergency-1");
    let revoked = store.revoke_key(&bank, "k2", HANDOVER_MS, key).await;
    let seq = revoked.unwrap().seq;
    assert_eq!(
        fixture.states().await,
        states(&[
            ("k3", KeyState::Active),
            ("k2", KeyState::Revoked),
            ("k1", KeyState::Retired)
        ])
    );
    let watermark = &store.revocations(&bank).await.unwrap()[0];
    assert_eq!(watermark.item.target.to_string(), "zone");
    assert_eq!(
        (watermark.seq, watermark.item.issued_until),
        (seq, HANDOVER_MS / 1000)
    );
    assert_eq!(store.sealed_key(&bank, "k2").await.unwrap(), None);
    let again = store.revoke_key(&bank, "k2", HANDOVER_MS, key).await;
    assert!(again.unwrap().replayed);
    let anew = refusal(store.revoke_key(&bank, "k2", HANDOVER_MS, None).await);
    assert!(matches!(anew, KeyRefusal::State { .. }), "{anew:?}");
    // Nothing waits any more: the next revocation leaves the zone without a key, until it has one.
    store
        .revoke_key(&bank, "k3", HANDOVER_MS, None)
        .await
        .unwrap();
    assert!(
        fixture
            .states()
            .await
            .iter()
            .all(|(_, state)| *state != KeyState::Active)
    );
    fixture.publish("k4", HANDOVER_MS).await.unwrap();
    fixture.activate("k4", None, HANDOVER_MS).await.unwrap();
}

async fn an_ended_key_never_comes_back(database: Database) {
    let fixture = Fixture::rotated(database).await;
    let bank = name("bank");
    fixture
        .store
        .revoke_key(&bank, "k3", HANDOVER_MS, None)
        .await
        .unwrap();
    let again = fixture.publish("k3", HANDOVER_MS).await;
    assert!(matches!(again, Err(CommitError::AlreadyExists { .. })));
    let signs = fixture
        .activate("k3", Some("k2"), HANDOVER_MS + KEY_SETTLING_MS)
        .await;
    assert!(matches!(refusal(signs), KeyRefusal::State { .. }));
    let unknown = fixture
        .store
        .revoke_key(&bank, "k9", HANDOVER_MS, None)
        .await;
    assert!(matches!(
        unknown,
        Err(CommitError::NotFound { kind: "key", .. })
    ));
}

async fn a_repeated_rotation_happens_once(database: Database) {
    let fixture = Fixture::rotated(database).await;
    let bank = name("bank");
    let later = HANDOVER_MS + KEY_SETTLING_MS;
    let rotate = async |kid: &str, replaces: &str| {
        let activation = KeyActivation {
            kid: kid.to_owned(),
            replaces: Some(replaces.to_owned()),
        };
        let store = &fixture.store;
        let done = store.activate_key(&bank, activation, later, Some("key-1"));
        done.await.unwrap()
    };
    let first = rotate("k3", "k2").await;
    fixture.publish("k4", later).await.unwrap();
    // Whoever repeats it knows another next key by now.
    let again = rotate("k4", "k3").await;
    assert_eq!((again.seq, again.replayed), (first.seq, true));
}

async fn another_seal_is_put_on_what_is_still_the_same(database: Database) {
    let fixture = Fixture::rotated(database).await;
    let (bank, store) = (name("bank"), &fixture.store);
    let head = store.head().await.unwrap();
    let reseal = async |from: &[u8]| store.reseal_key(&bank, "k2", from, b"new").await.unwrap();
    assert!(!reseal(b"another").await);
    assert!(reseal(b"sealed").await);
    assert!(!reseal(b"sealed").await);
    let sealed = store.sealed_key(&bank, "k2").await.unwrap();
    assert_eq!(sealed.as_deref(), Some(&b"new"[..]));
    assert_eq!(store.head().await.unwrap(), head);
}

on_both_databases!(
    the_first_key_signs_at_once_and_a_successor_when_it_is_settled,
    of_two_who_rotate_at_once_one_succeeds,
    a_retired_key_stays_until_nothing_that_it_signed_is_alive,
    when_the_signing_key_is_revoked_the_one_that_waits_takes_over_at_once,
    an_ended_key_never_comes_back,
    a_repeated_rotation_happens_once,
    another_seal_is_put_on_what_is_still_the_same,
);

#[derive(Debug, Clone, Copy)]
enum Step {
    Publish(u8),
    Activate(u8, Option<u8>),
    Drop(u8),
    Revoke(u8),
}

/// Steps of few keys with some time before each.
fn steps() -> impl Strategy<Value = Vec<(Step, u64)>> {
    let id = 0_u8..5;
    let step = prop_oneof![
        4 => id.clone().prop_map(Step::Publish),
        4 => (id.clone(), proptest::option::of(id.clone())).prop_map(|(k, r)| Step::Activate(k, r)),
        2 => id.clone().prop_map(Step::Drop),
        1 => id.prop_map(Step::Revoke),
    ];
    proptest::collection::vec((step, 0..KEY_LINGERING_MS), 1..60)
}

/// What everybody who follows the log sees, with a mandate issued after each entry.
fn check_history(log: &[LogEntry]) {
    let mut verifying = Vec::<&str>::new();
    let mut active = None::<&str>;
    let mut revoked = Vec::<&str>::new();
    let mut alive_until = BTreeMap::<&str, u64>::new();
    for entry in log {
        match &entry.change {
            Change::KeyPublished(key) => verifying.push(&key.kid),
            Change::KeyActivated(KeyActivation { kid, replaces }) => {
                assert_eq!(active, replaces.as_deref(), "never two active keys");
                active = Some(kid);
            }
            Change::KeyDropped(kid) => {
                let alive = alive_until.get(kid.as_str()).copied().unwrap_or_default();
                assert!(alive <= entry.at_ms, "{kid} has signed what is alive");
                assert_ne!(active, Some(kid.as_str()));
                verifying.retain(|it| it != kid);
            }
            Change::KeyRevoked(entry) => {
                verifying.retain(|it| *it != entry.kid);
                if active == Some(&entry.kid) {
                    active = entry.successor.as_deref();
                } else {
                    assert_eq!(entry.successor, None);
                }
                revoked.push(&entry.kid);
            }
            _ => continue,
        }
        if let Some(kid) = active {
            assert!(verifying.contains(&kid), "{kid} signs and verifies nowhere");
            alive_until.insert(kid, entry.at_ms + MAX_LIFETIME_SECONDS * 1000);
        }
        let mut unique = verifying.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), verifying.len(), "a key is published once");
        assert!(
            revoked.iter().all(|kid| !verifying.contains(kid)),
            "a revoked key verifies"
        );
    }
}

async fn run(steps: Vec<(Step, u64)>, database: Database) {
    let fixture = Fixture::bank(database).await;
    let (bank, mut at_ms) = (name("bank"), AT_MS);
    let kid = |id: u8| format!("k{id}");
    for (step, pause_ms) in steps {
        at_ms += pause_ms;
        let answer = match step {
            Step::Publish(key) => fixture.publish(&kid(key), at_ms).await,
            Step::Activate(key, replaces) => {
                let replaces = replaces.map(kid);
                fixture
                    .activate(&kid(key), replaces.as_deref(), at_ms)
                    .await
            }
            Step::Drop(key) => fixture.store.drop_key(&bank, &kid(key), at_ms).await,
            Step::Revoke(key) => {
                let store = &fixture.store;
                store.revoke_key(&bank, &kid(key), at_ms, None).await
            }
        };
        if let Err(error) = answer {
            assert!(
                matches!(
                    error,
                    CommitError::Key(_)
                        | CommitError::AlreadyExists { .. }
                        | CommitError::NotFound { .. }
                ),
                "{error:?}"
            );
        }
    }
    check_history(&fixture.store.entries_after(0, 10_000).await.unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn in_every_history_one_key_signs_and_nothing_live_loses_its_key(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(run(steps.clone(), Database::Sqlite));
        runtime.block_on(run(steps, Database::Postgres));
    }
}
