use std::collections::HashMap;

use super::*;
use DeadReason::{Forged, Malformed, Oversized, Replayed, Stale, Term, Undeliverable};

/// Names and values.
type Fields<'a> = [(&'a [u8], &'a [u8])];

/// The dead letters: reason, and id of what died.
async fn letters(scene: &Scene) -> Vec<(String, String)> {
    let rows: Vec<(String, HashMap<String, Vec<u8>>)> = scene
        .run(&["XRANGE", "caracal:authority:dead", "-", "+"])
        .await;
    let text = |letter: &HashMap<String, Vec<u8>>, name: &str| {
        String::from_utf8(letter[name].clone()).unwrap()
    };
    let pair = |(_, letter): &(_, HashMap<_, _>)| (text(letter, "reason"), text(letter, "id"));
    rows.iter().map(pair).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_replica_sent_changes_nothing_and_is_put_aside_with_the_reason() {
    let scene = Scene::new().await;
    let replica = scene.replica("one", MINUTE_MS).await;
    let (term, applied) = (replica.store.term(), replica.applied());
    let next = applied + 1;
    let good = message(term, next, 1);
    let at = |sent_ms: u64| WakeUp { sent_ms, ..good };
    let stranger = PeerKey::from_bytes([8; 32]);
    let bytes = good.to_bytes();
    let signature = key().sign(&bytes);
    let signature = signature.as_ref();
    let large = vec![0; 2_000_000];
    let entries: &[(&Fields<'_>, DeadReason)] = &[
        (&[(b"m", &bytes), (b"s", &[0; 32])], Forged),
        (&[(b"m", &bytes[..60]), (b"s", signature)], Forged),
        (&[(b"m", &bytes), (b"s", &signature[..20])], Malformed),
        (&[(b"m", &bytes)], Malformed),
        (&[(b"s", signature), (b"m", &bytes)], Malformed),
        (&[(b"m", &bytes), (b"s", signature), (b"x", b"")], Malformed),
        (&[(b"\xff\xfe", b"\xff"), (b"", b"")], Malformed),
        (&[(b"m", &large), (b"s", signature)], Oversized),
        (&[(b"m", &bytes), (b"s", &large)], Oversized),
    ];
    let mut expected = Vec::new();
    for (fields, reason) in entries {
        expected.push((reason.as_str().to_owned(), scene.put(fields).await));
    }
    for (message, key, reason) in [
        (good, &stranger, Forged),
        (at(good.sent_ms - 31_000), &key(), Stale),
        (at(good.sent_ms + 60_000), &key(), Stale),
        (at(0), &key(), Stale),
        (at(u64::MAX), &key(), Stale),
        (
            WakeUp {
                term: term + 1,
                ..good
            },
            &key(),
            Term,
        ),
        (WakeUp { term: 0, ..good }, &key(), Term),
    ] {
        expected.push((reason.as_str().to_owned(), scene.say(message, key).await));
    }
    let count = expected.len() as u64;
    replica
        .until("all are put aside", |stats| {
            stats.dead.iter().map(|(_, count)| count).sum::<u64>() == count
        })
        .await;
    assert_eq!(letters(&scene).await, expected);
    let stats = replica.stats();
    assert_eq!((stats.woken, replica.applied()), (0, applied), "{stats:?}");
    assert_eq!((stats.dead_for(Forged), stats.dead_for(Stale)), (3, 4));
    assert_eq!(
        scene.open("one").await,
        0,
        "nobody has to look at them again"
    );
    // And it still listens.
    let other = scene.replica("two", MINUTE_MS).await;
    assert!(replica.learns(scene.commit(&other.store).await).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorded_message_is_taken_once() {
    let scene = Scene::new().await;
    let replica = scene.replica("one", MINUTE_MS).await;
    let recorded = message(replica.store.term(), replica.applied(), 1);
    for _ in 0..4 {
        scene.say(recorded, &key()).await;
    }
    replica
        .until("three are put aside", |stats| stats.dead_for(Replayed) == 3)
        .await;
    replica
        .until("one is taken", |stats| stats.acknowledged == 1)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_never_reached_is_put_aside_after_some_deliveries() {
    let scene = Scene::new().await;
    let replica = scene.replica("one", MINUTE_MS).await;
    let head = replica.applied();
    let id = scene
        .say(message(replica.store.term(), head + 1_000, 1), &key())
        .await;
    replica
        .until("it is put aside", |stats| {
            stats.dead_for(Undeliverable) == 1
        })
        .await;
    assert_eq!(letters(&scene).await, [("undeliverable".to_owned(), id)]);
    let deliveries: Vec<(String, HashMap<String, String>)> = {
        let mut stranger = scene.stranger().await;
        let mut command = redis::cmd("XRANGE");
        command.arg("caracal:authority:dead").arg("-").arg("+");
        let rows: Vec<(String, HashMap<String, Vec<u8>>)> =
            command.query_async(&mut stranger).await.unwrap();
        let text = |value: Vec<u8>| String::from_utf8_lossy(&value).into_owned();
        let row = |(id, letter): (String, HashMap<String, Vec<u8>>)| {
            (
                id,
                letter
                    .into_iter()
                    .map(|(name, value)| (name, text(value)))
                    .collect(),
            )
        };
        rows.into_iter().map(row).collect()
    };
    assert_eq!(deliveries[0].1["deliveries"], "6");
    assert_eq!((scene.open("one").await, replica.applied()), (0, head));
}
