//! Order, repetition, and what is left after a restart.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "a step that fails here fails its test"
)]

mod fixture;

use std::os::unix::fs::PermissionsExt as _;

use caracal_mandate::claims::{CLOCK_SKEW_SECONDS, MAX_LIFETIME_SECONDS};
use caracal_mandate::revocation::{RevocationId, RevocationKind};
use caracal_store::CommitError;
use caracal_store::model::{Change, SigningKey};
use caracal_store::testing::connect;
use fixture::{AT_MS, Database, Fixture, NOW_S, application, grant, name, session, zone};

#[tokio::test(flavor = "multi_thread")]
async fn after_a_transaction_that_the_database_ended_by_itself_others_are_taken() {
    let fixture = Fixture::bank(Database::Sqlite).await;
    let mut owner = connect(&fixture.place).await.unwrap();
    // What SQLite does when the disk is full, of its own accord.
    let trigger = "CREATE TRIGGER full BEFORE INSERT ON applications WHEN NEW.name = 'last' \
        BEGIN SELECT RAISE(ROLLBACK, 'database or disk is full'); END";
    sqlx::raw_sql(trigger).execute(&mut owner).await.unwrap();
    let refused = fixture.commit(application("last", &["last"])).await;
    assert!(
        matches!(refused, Err(CommitError::Database(_))),
        "{refused:?}"
    );
    fixture
        .commit(application("next", &["next"]))
        .await
        .unwrap();
}

async fn eight_writers_leave_no_gap(database: Database) {
    let fixture = Fixture::empty(database).await;
    fixture.commit(zone("bank")).await.unwrap();
    let other = fixture.another().await;
    let writers = (0..8).map(|writer| {
        let store = if writer % 2 == 0 {
            fixture.store.clone()
        } else {
            other.clone()
        };
        tokio::spawn(async move {
            let mut positions = Vec::new();
            for index in 0..15 {
                // Each third one is refused in the middle of its transaction.
                let workload = if index % 3 == 2 {
                    "w0-0".into()
                } else {
                    format!("w{writer}-{index}")
                };
                let change = application(&format!("a{writer}-{index}"), &[&workload]);
                match store.commit(&name("bank"), change, AT_MS, None).await {
                    Ok(committed) => positions.push(committed.seq),
                    Err(CommitError::AlreadyExists { .. }) => {}
                    Err(error) => panic!("{error:?}"),
                }
            }
            positions
        })
    });
    let mut positions = vec![1];
    for writer in writers.collect::<Vec<_>>() {
        positions.extend(writer.await.unwrap());
    }
    positions.sort_unstable();
    let head = fixture.store.head().await.unwrap();
    assert_eq!(positions, (1..=head).collect::<Vec<_>>());
    let log = fixture.store.entries_after(0, 1000).await.unwrap();
    assert_eq!(
        log.iter().map(|entry| entry.seq).collect::<Vec<_>>(),
        positions
    );
}

async fn a_repeated_key_changes_nothing_again(database: Database) {
    let fixture = Fixture::empty(database).await;
    let commit = |change: Change| {
        let store = fixture.store.clone();
        async move {
            store
                .commit(&name("bank"), change, AT_MS, Some("key-1"))
                .await
        }
    };
    let first = commit(zone("bank")).await.unwrap();
    assert_eq!((first.seq, first.replayed), (1, false));
    let again = commit(zone("bank")).await.unwrap();
    assert_eq!((again.seq, again.replayed), (1, true));
    let other = commit(application("payout", &["payout"])).await;
    assert!(matches!(other, Err(CommitError::IdempotencyConflict)));
    assert_eq!(fixture.store.head().await.unwrap(), 1);
}

async fn a_refused_change_does_not_use_up_its_key(database: Database) {
    let fixture = Fixture::bank(database).await;
    let store = &fixture.store;
    let bank = name("bank");
    let taken = application("other", &["payout"]);
    assert!(store.commit(&bank, taken, AT_MS, Some("k")).await.is_err());
    let good = application("other", &["other"]);
    assert!(
        !store
            .commit(&bank, good, AT_MS, Some("k"))
            .await
            .unwrap()
            .replayed
    );
}

async fn a_revocation_that_is_repeated_later_is_the_same_one(database: Database) {
    let fixture = Fixture::bank(database).await;
    let revoke = |target: &'static str, now| {
        let store = fixture.store.clone();
        async move {
            store
                .revoke(&name("bank"), target.parse().unwrap(), now, Some("k"))
                .await
        }
    };
    let first = revoke("zone", NOW_S).await.unwrap();
    let again = revoke("zone", NOW_S + 60).await.unwrap();
    assert_eq!((again.seq, again.replayed), (first.seq, true));
    let other = revoke("grant/grt_1", NOW_S).await;
    assert!(matches!(other, Err(CommitError::IdempotencyConflict)));
    for key in ["", "a b", "\u{e9}", &"x".repeat(256)] {
        let target = "zone".parse().unwrap();
        let result = fixture
            .store
            .revoke(&name("bank"), target, NOW_S, Some(key))
            .await;
        assert!(matches!(result, Err(CommitError::Invalid(_))), "{key:?}");
    }
}

async fn a_revocation_says_how_long_and_whom_it_hits(database: Database) {
    let fixture = Fixture::bank(database).await;
    fixture
        .commit(session("ses_1", "payout", "payout"))
        .await
        .unwrap();
    let cases = [
        ("mandate/jti-1", u64::MAX, RevocationKind::Mandate, "jti-1"),
        ("session/ses_1", u64::MAX, RevocationKind::Session, "ses_1"),
        ("grant/grt_1", u64::MAX, RevocationKind::Grant, "grt_1"),
        (
            "application/payout",
            u64::MAX,
            RevocationKind::Application,
            "payout",
        ),
        (
            "resource/accounts",
            NOW_S,
            RevocationKind::Resource,
            "https://accounts.bank",
        ),
        ("zone", NOW_S, RevocationKind::Zone, "bank"),
    ];
    for (target, issued_until, kind, id) in cases {
        let seq = fixture.revoke(target).await.unwrap().seq;
        let entry = fixture
            .store
            .entries_after(seq - 1, 1)
            .await
            .unwrap()
            .remove(0);
        let Change::Revoked(record) = entry.change else {
            panic!("{:?}", entry.change)
        };
        assert_eq!(record.target.to_string(), target);
        assert_eq!(record.issued_until, issued_until, "{target}");
        assert_eq!(
            record.expires,
            NOW_S + MAX_LIFETIME_SECONDS + 2 * CLOCK_SKEW_SECONDS
        );
        assert_eq!(
            RevocationId(record.id),
            RevocationId::new(kind, "bank", id),
            "{target}"
        );
        let listed = fixture
            .store
            .revocations(&name("bank"))
            .await
            .unwrap()
            .remove(0);
        assert_eq!((listed.item, listed.seq), (record, seq), "{target}");
    }
    assert!(fixture.store.grants(&name("bank")).await.unwrap()[0].revoked);
    assert!(fixture.store.applications(&name("bank")).await.unwrap()[0].revoked);
    assert!(fixture.store.sessions(&name("bank")).await.unwrap()[0].revoked);
}

async fn the_log_pages_without_overlap_or_loss(database: Database) {
    let fixture = Fixture::bank(database).await;
    for index in 0..20 {
        let change = grant(
            &format!("grt_p{index}"),
            "payout",
            "accounts",
            "accounts:read",
        );
        fixture.commit(change).await.unwrap();
    }
    let whole = fixture.store.entries_after(0, 1000).await.unwrap();
    let mut paged = Vec::new();
    let mut after = 0;
    loop {
        let page = fixture.store.entries_after(after, 7).await.unwrap();
        assert!(page.len() <= 7);
        let Some(last) = page.last() else { break };
        after = last.seq;
        paged.extend(page);
    }
    assert_eq!(paged, whole);
    assert_eq!(whole.len(), 24);
    assert!(
        fixture
            .store
            .entries_after(9_999, 5)
            .await
            .unwrap()
            .is_empty()
    );
}

async fn a_reopened_store_has_everything_and_goes_on(database: Database) {
    let fixture = Fixture::bank(database).await;
    let key = SigningKey {
        kid: "kid-1".to_owned(),
        point: "point".to_owned(),
    };
    fixture
        .store
        .publish_key(&name("bank"), key, b"\x00sealed\xff", AT_MS)
        .await
        .unwrap();
    fixture.revoke("grant/grt_1").await.unwrap();
    let before = fixture.store.entries_after(0, 1000).await.unwrap();
    fixture.store.close().await;

    let store = fixture.another().await;
    assert_eq!(store.entries_after(0, 1000).await.unwrap(), before);
    assert_eq!((store.term(), store.head().await.unwrap()), (1, 6));
    let sealed = store.sealed_key(&name("bank"), "kid-1").await.unwrap();
    assert_eq!(sealed.as_deref(), Some(&b"\x00sealed\xff"[..]));
    assert_eq!(
        store.sealed_key(&name("shop"), "kid-1").await.unwrap(),
        None
    );
    assert!(store.grants(&name("bank")).await.unwrap()[0].revoked);
    assert_eq!(*store.commits().borrow(), 6);
    let next = application("next", &["next"]);
    assert_eq!(
        store
            .commit(&name("bank"), next, AT_MS, None)
            .await
            .unwrap()
            .seq,
        7
    );
}

async fn the_private_half_of_a_key_never_stands_in_the_log(database: Database) {
    let fixture = Fixture::bank(database).await;
    let key = SigningKey {
        kid: "kid-1".to_owned(),
        point: "point".to_owned(),
    };
    fixture
        .store
        .publish_key(&name("bank"), key, b"SEALED-HALF", AT_MS)
        .await
        .unwrap();
    let log = fixture.store.entries_after(0, 1000).await.unwrap();
    assert!(!format!("{log:?} {:?}", fixture.store).contains("SEALED"));
}

#[tokio::test]
async fn only_the_owner_can_read_the_files() {
    let fixture = Fixture::bank(Database::Sqlite).await;
    for file in std::fs::read_dir(fixture.directory.path()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", file.file_name());
    }
}

async fn followers_wake_when_something_was_committed(database: Database) {
    let fixture = Fixture::bank(database).await;
    let mut commits = fixture.store.commits();
    assert_eq!(*commits.borrow_and_update(), 4);
    fixture.revoke("zone").await.unwrap();
    assert!(commits.has_changed().unwrap());
    assert_eq!(*commits.borrow_and_update(), 5);
}

on_both_databases!(
    eight_writers_leave_no_gap,
    a_repeated_key_changes_nothing_again,
    a_refused_change_does_not_use_up_its_key,
    a_revocation_that_is_repeated_later_is_the_same_one,
    a_revocation_says_how_long_and_whom_it_hits,
    the_log_pages_without_overlap_or_loss,
    a_reopened_store_has_everything_and_goes_on,
    the_private_half_of_a_key_never_stands_in_the_log,
    followers_wake_when_something_was_committed,
);
