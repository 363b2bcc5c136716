//! Ledgers whose checkpoints are shown to witnesses.

use std::time::Duration;

use caracal_store::testing::PostgresServer;

use super::*;
use crate::note::Note;
use crate::testing::{FixedClock, Network};

const ALL: &str = "group all all w1 w2\nquorum all";

fn network(place: &Place) -> Arc<Network> {
    let verifier = place.signer().verifier();
    Network::new(2, &[verifier.for_zone("a"), verifier.for_zone("b")])
}

/// What the newest published checkpoint says: its size, and how many of two witnesses cosigned it.
async fn published(ledger: &Ledger, place: &Place, network: &Network) -> Option<(u64, usize)> {
    let note = ledger.checkpoint("a").await.unwrap()?;
    let verifier = place.signer().verifier().for_zone("a");
    let checkpoint = verifier.open_checkpoint(&note).unwrap();
    let policy = network.policy("quorum none");
    let witnessed = policy.witnessed(&Note::parse(&note).unwrap()).unwrap();
    Some((checkpoint.size, witnessed.cosigned.len()))
}

/// Waits until that is so.
async fn becomes(ledger: &Ledger, place: &Place, network: &Network, expected: (u64, usize)) {
    let mut last = None;
    for _ in 0..200 {
        last = published(ledger, place, network).await;
        if last == Some(expected) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!(
        "{last:?} never became {expected:?}: {:?}",
        ledger.witness_status()
    );
}

async fn until(what: &str, ledger: &Ledger, is_so: impl Fn(&WitnessStatus) -> bool) {
    for _ in 0..200 {
        if ledger.witness_status().as_ref().is_some_and(&is_so) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{what}: {:?}", ledger.witness_status());
}

#[tokio::test]
async fn a_checkpoint_is_published_with_its_cosignatures_and_again_after_a_restart() {
    let place = Place::new();
    let network = network(&place);
    let ledger = place
        .open_witnessed(&network, ALL, PublishRule::Required)
        .await;
    ledger.append(submissions("a", 1..=3)).await.unwrap();
    becomes(&ledger, &place, &network, (3, 2)).await;
    ledger.append(submissions("a", 4..=7)).await.unwrap();
    becomes(&ledger, &place, &network, (7, 2)).await;
    let before = ledger.checkpoint("a").await.unwrap();
    let status = ledger.witness_status().unwrap();
    assert_eq!(
        (status.quorums, status.shortfalls, status.is_held_back()),
        (2, 0, false)
    );
    ledger.close().await;
    // Nobody is asked for what is there.
    network.set_silent("w1", true);
    let ledger = place
        .open_witnessed(&network, ALL, PublishRule::Required)
        .await;
    assert_eq!(ledger.checkpoint("a").await.unwrap(), before);
    ledger.close().await;
}

#[tokio::test]
async fn what_was_appended_last_is_cosigned_before_the_ledger_closes() {
    let place = Place::new();
    let network = network(&place);
    let ledger = place
        .open_witnessed(&network, ALL, PublishRule::Required)
        .await;
    ledger.append(submissions("a", 1..=3)).await.unwrap();
    ledger.close().await;
    let ledger = place
        .open_witnessed(&network, ALL, PublishRule::Required)
        .await;
    assert_eq!(published(&ledger, &place, &network).await, Some((3, 2)));
}

#[tokio::test]
async fn required_witnesses_hold_publication_back_and_nothing_else() {
    let place = Place::new();
    let network = network(&place);
    let ledger = place
        .open_witnessed(&network, ALL, PublishRule::Required)
        .await;
    network.set_silent("w2", true);
    ledger.append(submissions("a", 1..=3)).await.unwrap();
    until("it is held back", &ledger, WitnessStatus::is_held_back).await;
    let said = &ledger.witness_status().unwrap().short["a"];
    assert_eq!(said, &["w2: it did not answer in time"]);
    // Appended to while it waits, and past the next ticks of the publisher.
    for seqs in [4..=6, 7..=9] {
        ledger.append(submissions("a", seqs)).await.unwrap();
        let before = ledger.witness_status().unwrap().shortfalls;
        let again = |status: &WitnessStatus| status.shortfalls > before + 1;
        until("it tries again", &ledger, again).await;
    }
    assert_eq!(published(&ledger, &place, &network).await, None);
    assert!(ledger.is_running());
    network.set_silent("w2", false);
    becomes(&ledger, &place, &network, (9, 2)).await;
    assert!(!ledger.witness_status().unwrap().is_held_back());
    ledger.close().await;
    // The one that was held back, and the one after it: no other was signed in between.
    let report = place.verify(None);
    assert_eq!((report.worst(), report.zones[0].checkpoints), (None, 2));
}

#[tokio::test]
async fn best_effort_publishes_with_what_there_is_counts_it_and_asks_again() {
    let place = Place::new();
    let network = network(&place);
    let rule = PublishRule::BestEffort;
    let ledger = place.open_witnessed(&network, ALL, rule).await;
    network.set_silent("w2", true);
    ledger.append(submissions("a", 1..=3)).await.unwrap();
    becomes(&ledger, &place, &network, (3, 1)).await;
    until("it is counted", &ledger, |status| status.shortfalls > 0).await;
    let status = ledger.witness_status().unwrap();
    assert!(!status.is_held_back() && status.short.contains_key("a"));
    ledger.append(submissions("a", 4..=5)).await.unwrap();
    becomes(&ledger, &place, &network, (5, 1)).await;
    network.set_silent("w2", false);
    becomes(&ledger, &place, &network, (5, 2)).await;
    ledger.close().await;
    let ledger = place
        .open_witnessed(&network, ALL, PublishRule::Required)
        .await;
    assert_eq!(published(&ledger, &place, &network).await, Some((5, 2)));
}

#[tokio::test]
async fn a_ledger_that_was_put_back_is_never_published_again() {
    let place = Place::new();
    let network = network(&place);
    let ledger = place
        .open_witnessed(&network, ALL, PublishRule::Required)
        .await;
    ledger.append(submissions("a", 1..=3)).await.unwrap();
    ledger.close().await;
    let older = std::fs::read(place.path()).unwrap();
    let ledger = place
        .open_witnessed(&network, ALL, PublishRule::Required)
        .await;
    ledger.append(submissions("a", 4..=6)).await.unwrap();
    ledger.close().await;
    for side in ["-wal", "-shm"] {
        let mut path = place.path().into_os_string();
        path.push(side);
        let _gone = std::fs::remove_file(path);
    }
    std::fs::write(place.path(), older).unwrap();
    // It looks intact to itself, and goes on with another history.
    let ledger = place
        .open_witnessed(&network, ALL, PublishRule::Required)
        .await;
    ledger.append(submissions("a", 11..=19)).await.unwrap();
    until("it is held back", &ledger, WitnessStatus::is_held_back).await;
    let said = &ledger.witness_status().unwrap().short["a"];
    let expected = "nothing can be proven to it: this log did not sign a checkpoint for 6 entries";
    assert_eq!(
        said,
        &[format!("w1: {expected}"), format!("w2: {expected}")]
    );
    assert_eq!(published(&ledger, &place, &network).await, Some((3, 2)));
}

#[tokio::test]
async fn what_one_replica_could_not_settle_another_does() {
    let place = Place::new();
    let (cut_off, network) = (network(&place), network(&place));
    // To one of them nobody answers, and what it asks is settled by the other.
    for name in ["w1", "w2"] {
        cut_off.set_silent(name, true);
    }
    let one = place
        .open_witnessed(&cut_off, ALL, PublishRule::Required)
        .await;
    one.append(submissions("a", 1..=3)).await.unwrap();
    until("it is held back", &one, WitnessStatus::is_held_back).await;
    let two = place
        .open_witnessed(&network, ALL, PublishRule::Required)
        .await;
    becomes(&two, &place, &network, (3, 2)).await;
    becomes(&one, &place, &network, (3, 2)).await;
    until("it is no longer", &one, |status| !status.is_held_back()).await;
}

#[tokio::test]
async fn a_ledger_that_had_no_witnesses_is_cosigned_from_where_it_is() {
    let place = Place::new();
    let network = network(&place);
    let ledger = place.open().await;
    ledger.append(submissions("a", 1..=3)).await.unwrap();
    ledger.close().await;
    let ledger = place
        .open_witnessed(&network, ALL, PublishRule::Required)
        .await;
    becomes(&ledger, &place, &network, (3, 2)).await;
    ledger.append(submissions("a", 4..=4)).await.unwrap();
    becomes(&ledger, &place, &network, (4, 2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_on_a_server_ask_the_same_witnesses_for_one_log() {
    let server = PostgresServer::shared();
    let url = server.empty_database().await;
    Ledger::migrate(&url).await.unwrap();
    Ledger::create_roles(&url).await.unwrap();
    let place = Place::new();
    let network = network(&place);
    let open = async || {
        let witnessing = network.witnessing(ALL, PublishRule::Required);
        let clock = Arc::new(FixedClock);
        Ledger::connect_witnessed(&url, place.signer(), clock, witnessing).await
    };
    let (one, two) = (open().await.unwrap(), open().await.unwrap());
    for round in 0..4 {
        let first = 1 + round * 10;
        one.append(submissions("a", first..=first + 4))
            .await
            .unwrap();
        two.append(submissions("a", first + 5..=first + 9))
            .await
            .unwrap();
        becomes(&one, &place, &network, (first + 9, 2)).await;
        becomes(&two, &place, &network, (first + 9, 2)).await;
    }
    // Whichever of them was slower complains about nothing.
    for ledger in [&one, &two] {
        until("nothing is short", ledger, |status| status.short.is_empty()).await;
    }
    one.close().await;
    two.close().await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("copy.db");
    crate::copy::copy(&url, &file).await.unwrap();
    let key = place.signer().verifier().to_text();
    let report = crate::verify::verify(&file, &key, None, |_| {}).unwrap();
    assert_eq!(report.worst(), None);
}
