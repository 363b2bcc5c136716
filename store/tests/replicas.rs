//! Several processes on one database: order, fencing, and a server that goes away.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "a step that fails here fails its test"
)]

mod fixture;

use std::collections::BTreeMap;
use std::time::Duration;

use caracal_store::testing::{Durability, PostgresServer, connect};
use caracal_store::{CommitError, DatabaseUrl, OpenError, ReadError, Store};
use fixture::{AT_MS, Database, Fixture, application, name, zone};

/// A follower that reads while others write sees every position once and in order: what it has
/// read up to the head is complete.
async fn a_follower_misses_nothing_while_others_write(database: Database) {
    let fixture = Fixture::bank(database).await;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..4 {
        let store = fixture.another().await;
        writers.spawn(async move {
            for index in 0..25 {
                // Each fifth one is refused.
                let workload = if index % 5 == 4 {
                    "payout".into()
                } else {
                    format!("w{writer}-{index}")
                };
                let change = application(&format!("a{writer}-{index}"), &[&workload]);
                match store.commit(&name("bank"), change, AT_MS, None).await {
                    Ok(_) | Err(CommitError::AlreadyExists { .. }) => {}
                    Err(error) => panic!("{error:?}"),
                }
            }
        });
    }
    let follower = fixture.another().await;
    let mut seen = 0;
    loop {
        let done = writers.is_empty();
        let head = follower.head().await.unwrap();
        let entries = follower.entries_after(seen, 7).await.unwrap();
        for entry in &entries {
            assert_eq!(entry.seq, seen + 1, "no gap, no reordering");
            seen = entry.seq;
        }
        assert!(
            seen >= head || entries.len() == 7,
            "the head was {head}, and {seen} is what was there"
        );
        if done && seen >= head {
            break;
        }
        while let Some(ended) = writers.try_join_next() {
            ended.unwrap();
        }
    }
    assert_eq!(seen, 4 + 4 * 20);
}

/// The same key from two processes at once is one change.
async fn one_key_is_one_change_over_all_processes(database: Database) {
    let fixture = Fixture::bank(database).await;
    let mut tries = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let store = fixture.another().await;
        tries.spawn(async move {
            let change = application("one", &["one"]);
            store
                .commit(&name("bank"), change, AT_MS, Some("key"))
                .await
                .unwrap()
        });
    }
    let results = tries.join_all().await;
    assert_eq!(results.iter().filter(|one| !one.replayed).count(), 1);
    assert!(results.iter().all(|one| one.seq == 5), "{results:?}");
}

/// Whoever follows the log of an earlier term neither reads nor writes.
async fn a_process_of_an_earlier_term_is_fenced_off(database: Database) {
    let fixture = Fixture::bank(database).await;
    let old = &fixture.store;
    assert_eq!(Store::raise_term(&fixture.place).await.unwrap(), 2);
    let change = || application("late", &["late"]);
    let refused = old.commit(&name("bank"), change(), AT_MS, None).await;
    assert!(matches!(refused, Err(CommitError::Replaced)), "{refused:?}");
    let head = old.head().await;
    assert!(
        matches!(
            head,
            Err(ReadError::Replaced {
                expected: 1,
                found: 2
            })
        ),
        "{head:?}"
    );
    let new = fixture.another().await;
    assert_eq!((new.term(), new.head().await.unwrap()), (2, 4));
    new.commit(&name("bank"), change(), AT_MS, None)
        .await
        .unwrap();
}

/// Of many takers in several processes at once exactly one gets a use, and it stays taken.
async fn a_use_is_had_once_over_all_processes(database: Database) {
    let fixture = Fixture::bank(database).await;
    let (one, two) = (&fixture.another().await, &fixture.another().await);
    for round in 0..8_u8 {
        let mut takers = tokio::task::JoinSet::new();
        for taker in 0..12 {
            let store = if taker % 2 == 0 { one } else { two }.clone();
            takers.spawn(async move { store.use_once(&[round; 32], 2_000).await.unwrap() });
        }
        let taken = takers.join_all().await;
        assert_eq!(taken.into_iter().filter(|had| *had).count(), 1, "{round}");
    }
    assert_eq!(one.forget_uses(2_000 + 3_600).await.unwrap(), 0, "an hour");
    assert!(!two.use_once(&[0; 32], 2_000).await.unwrap());
    assert_eq!(one.forget_uses(2_001 + 3_600).await.unwrap(), 8);
    assert!(two.use_once(&[0; 32], 9_000).await.unwrap());
}

on_both_databases!(
    a_use_is_had_once_over_all_processes,
    a_follower_misses_nothing_while_others_write,
    one_key_is_one_change_over_all_processes,
    a_process_of_an_earlier_term_is_fenced_off,
);

type Columns = BTreeMap<(String, String), (String, bool)>;

async fn columns(place: &DatabaseUrl, sql: &'static str) -> Columns {
    let mut connection = connect(place).await.unwrap();
    let rows: Vec<(String, String, String, i64)> = sqlx::query_as(sql)
        .fetch_all(&mut connection)
        .await
        .unwrap();
    let rows = rows.into_iter().map(|(table, column, kind, required)| {
        ((table, column), (kind.to_ascii_lowercase(), required == 1))
    });
    rows.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn both_databases_have_the_same_tables_and_columns() {
    let sqlite = Fixture::empty(Database::Sqlite).await;
    let postgres = Fixture::empty(Database::Postgres).await;
    let of_sqlite = columns(
        &sqlite.place,
        "SELECT t.name, c.name, c.type, c.\"notnull\" FROM sqlite_master AS t, \
         pragma_table_info(t.name) AS c WHERE t.type = 'table' AND t.name NOT LIKE '\\_sqlx%' ESCAPE '\\'",
    );
    let of_postgres = columns(
        &postgres.place,
        "SELECT table_name::text, column_name::text, data_type::text, \
         CASE is_nullable WHEN 'NO' THEN 1::bigint ELSE 0::bigint END \
         FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> '_sqlx_migrations'",
    );
    let of_postgres = of_postgres.await;
    assert!(of_postgres.len() > 60, "{}", of_postgres.len());
    assert_eq!(of_sqlite.await, of_postgres);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_went_away_is_an_error_and_comes_back_whole() {
    let server = PostgresServer::start(Durability::Disk);
    let place = server.empty_database().await;
    let store = Store::connect(&place).await.unwrap();
    let bank = name("bank");
    store
        .commit(&bank, zone("bank"), AT_MS, None)
        .await
        .unwrap();
    let change = |text: &str| application(text, &[text]);
    server
        .without(async {
            assert!(store.head().await.is_err());
            let refused = store.commit(&bank, change("lost"), AT_MS, None).await;
            assert!(refused.is_err(), "{refused:?}");
        })
        .await;
    assert_eq!(
        store.head().await.unwrap(),
        1,
        "what was acknowledged is there"
    );
    let committed = store
        .commit(&bank, change("next"), AT_MS, None)
        .await
        .unwrap();
    assert_eq!(committed.seq, 2);
}

/// Whoever stops in the middle of a commit, with the head's lock, holds up nobody for good.
#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_hangs_with_the_lock_is_cut_off() {
    let fixture = Fixture::bank(Database::Postgres).await;
    let mut hanging = connect(&fixture.place).await.unwrap();
    let lock = "SET idle_in_transaction_session_timeout = '1s'; \
        BEGIN; UPDATE meta SET head = head + 1";
    sqlx::raw_sql(lock).execute(&mut hanging).await.unwrap();
    let change = application("next", &["next"]);
    let commit = fixture.commit(change);
    let committed = tokio::time::timeout(Duration::from_secs(8), commit).await;
    assert_eq!(committed.unwrap().unwrap().seq, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_open_says_why_and_shows_no_password() {
    let server = PostgresServer::shared();
    let sockets = server.url("nobody", "x").to_string();
    let directory = sockets
        .trim_start_matches("postgres://nobody@")
        .trim_end_matches("/x");
    for (text, expected) in [
        ("postgres://nobody:hunter2@localhost:1/x", "does not"),
        (
            &*format!("postgres://nobody:hunter2@localhost/x?host={directory}"),
            "check host, database, role",
        ),
        (
            &*format!("postgres://caracal_owner:hunter2@localhost/nowhere?host={directory}"),
            "check host, database, role",
        ),
    ] {
        let place: DatabaseUrl = text.parse().unwrap();
        let error = Store::connect(&place).await.unwrap_err();
        let mut shown = format!("{error} {error:?} {place} {place:?}");
        let mut cause = std::error::Error::source(&error);
        while let Some(inner) = cause {
            shown.extend([" ", &inner.to_string()]);
            cause = inner.source();
        }
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(error.to_string().contains(expected), "{error}");
        assert!(matches!(
            error,
            OpenError::Database(_) | OpenError::NoAnswer
        ));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_is_no_place_to_read_the_head() {
    // A server in recovery says so to whoever asks; that answer is what is checked.
    let server = PostgresServer::start(Durability::Memory);
    let place = server.empty_database().await;
    Store::migrate(&place).await.unwrap();
    server.become_replica();
    let error = Store::connect(&place).await.unwrap_err();
    assert!(matches!(error, OpenError::Replica), "{error:?}");
}
