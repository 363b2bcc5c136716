//! Following a log while it grows.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::*;

const PATIENCE: Duration = Duration::from_mins(1);

/// Reads on until it has seen the entry at `last`.
async fn follow(ledger: Ledger, mut wanted: ListQuery, last: u64) -> Vec<u64> {
    let mut seen = Vec::new();
    let mut bound = 0;
    wanted.order = Order::OldestFirst;
    while bound <= last {
        let page = ledger.search(&wanted).await.unwrap();
        seen.extend(page.entries.iter().map(|entry| entry.index));
        bound = page.bound;
        wanted.go_on(bound);
        if page.is_end {
            let grown = ledger.wait_for_growth(&wanted.zone, bound, PATIENCE);
            assert!(
                bound > last || grown.await.unwrap(),
                "no growth beyond {bound}"
            );
        }
    }
    seen
}

async fn check(home: Home, replicas: usize) {
    const EACH: u64 = 150;
    let clock = Watch::at(1000);
    let mut ledgers = Vec::new();
    for _ in 0..replicas {
        ledgers.push(home.open(&clock).await);
    }
    let writers = u64::try_from(replicas * 2).unwrap();
    let last = EACH * writers - 1;
    let even = ListQuery {
        outcome: Some(Outcome::Deny),
        ..query("a")
    };
    let readers: Vec<_> = [
        (0, query("a"), 1),
        (replicas - 1, query("a"), 7),
        (0, even.clone(), 3),
    ]
    .map(|(at, mut wanted, limit)| {
        wanted.limit = limit;
        tokio::spawn(timeout(PATIENCE, follow(ledgers[at].clone(), wanted, last)))
    })
    .into();
    let appending = (0..writers).map(|writer| {
        let ledger = ledgers[usize::try_from(writer).unwrap() % replicas].clone();
        tokio::spawn(async move {
            for number in 0..EACH {
                let entry = submission("a", writer * EACH + number + 1);
                ledger.append(vec![entry]).await.unwrap();
            }
        })
    });
    for task in appending.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let all: Vec<u64> = (0..=last).collect();
    let mut seen = Vec::new();
    for reader in readers {
        seen.push(reader.await.unwrap().unwrap());
    }
    assert_eq!(seen[0], all);
    assert_eq!(seen[1], all);
    let mut denied = found(&ledgers[0], even).await;
    denied.reverse();
    assert_eq!(seen[2], denied);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_a_file_misses_nothing_and_sees_nothing_twice() {
    check(Home::file(), 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_one_replica_misses_nothing_of_what_others_append() {
    check(Home::server().await, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiter_is_woken_at_once_by_its_own_zone_and_by_nothing_else() {
    let home = Home::file();
    let ledger = home.open(&Watch::at(1000)).await;
    ledger.append(submissions("a", 1..=2)).await.unwrap();
    // What is there already needs no waiting, and waiting has an end.
    let short = Duration::from_millis(30);
    assert!(ledger.wait_for_growth("a", 1, PATIENCE).await.unwrap());
    assert!(!ledger.wait_for_growth("a", 2, short).await.unwrap());
    assert!(!ledger.wait_for_growth("nowhere", 0, short).await.unwrap());
    let waiting = ledger.clone();
    let started = Instant::now();
    let waiter = tokio::spawn(async move { waiting.wait_for_growth("a", 2, PATIENCE).await });
    ledger.append(submissions("b", 1..=1)).await.unwrap();
    tokio::time::sleep(short).await;
    assert!(!waiter.is_finished());
    ledger.append(submissions("a", 3..=3)).await.unwrap();
    assert!(waiter.await.unwrap().unwrap());
    assert!(started.elapsed() < PATIENCE / 2);
    let sizes = ledger.sizes().await.unwrap();
    let sizes: Vec<_> = sizes.iter().map(|log| (&*log.zone, log.size)).collect();
    assert_eq!(sizes, [("a", 3), ("b", 1)]);
}
