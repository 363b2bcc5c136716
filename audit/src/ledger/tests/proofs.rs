//! Proofs out of the database.

use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};

use caracal_store::testing::PostgresServer;

use super::*;
use crate::merkle::{Frontier, Hash, inclusion_proof, reference, verify_consistency};
use crate::note::Checkpoint;
use crate::testing::{FixedClock, Network};
use crate::trust::LogTrust;

const ZONE: &str = "a";

/// Appends up to each of these sizes, with a checkpoint for each.
async fn grown(place: &Place, sizes: &[u64]) -> Ledger {
    let mut before = 0_u64;
    for size in sizes {
        let ledger = place.open().await;
        append(&ledger, before.saturating_add(1)..=*size).await;
        ledger.close().await;
        before = *size;
    }
    place.open().await
}

async fn append(ledger: &Ledger, seqs: std::ops::RangeInclusive<u64>) {
    let all: Vec<u64> = seqs.collect();
    for seqs in all.chunks(MAX_BATCH) {
        let (first, last) = (seqs[0], *seqs.last().unwrap());
        ledger
            .append(submissions(ZONE, first..=last))
            .await
            .unwrap();
    }
}

fn trust(place: &Place) -> LogTrust {
    LogTrust::new(place.signer().verifier(), None)
}

/// Every receipt holds, and every published checkpoint is proven to continue every other.
async fn all_hold(ledger: &Ledger, place: &Place, sizes: &[u64]) {
    let newest = *sizes.last().unwrap();
    for index in (0..newest).step_by(13).chain([newest.saturating_sub(1)]) {
        let receipt = ledger.receipt(ZONE, index, None).await.unwrap();
        let entry = ledger.entry(ZONE, index).await.unwrap().unwrap();
        assert_eq!(receipt.extra(), Some(entry.as_slice()));
        let vouched = receipt.verify(&entry, &trust(place)).unwrap();
        assert_eq!(vouched.checkpoint.size, newest);
    }
    let mut roots = Vec::new();
    for size in sizes {
        let last = size.saturating_sub(1);
        let proof = ledger.inclusion(ZONE, last, Some(*size)).await.unwrap();
        let entry = ledger.entry(ZONE, last).await.unwrap().unwrap();
        let Checkpoint { size, root, .. } = proof.verify(&entry, &trust(place)).unwrap().checkpoint;
        roots.push((size, root));
    }
    for (at, newer) in roots.iter().enumerate() {
        for older in &roots[..=at] {
            let made = ledger
                .consistency(ZONE, older.0, Some(newer.0))
                .await
                .unwrap();
            assert_eq!((made.older, made.older_root), *older);
            assert_eq!(verify_consistency(*older, *newer, &made.proof), Ok(()));
        }
    }
}

#[tokio::test]
async fn every_entry_and_every_published_checkpoint_is_proven() {
    let (place, sizes) = (Place::new(), [1, 2, 255, 256, 300, 700]);
    let ledger = grown(&place, &sizes).await;
    all_hold(&ledger, &place, &sizes).await;
    // Again, from what is kept.
    all_hold(&ledger, &place, &sizes).await;
}

#[tokio::test]
async fn a_server_gives_the_same_proofs() {
    let url = PostgresServer::shared().empty_database().await;
    Ledger::migrate(&url).await.unwrap();
    let (place, sizes) = (Place::new(), [3, 600]);
    let open = || Ledger::connect(&url, place.signer(), Arc::new(FixedClock));
    let mut before = 0_u64;
    for size in sizes {
        let ledger = open().await.unwrap();
        append(&ledger, before.saturating_add(1)..=size).await;
        ledger.close().await;
        before = size;
    }
    all_hold(&open().await.unwrap(), &place, &sizes).await;
}

#[tokio::test]
async fn an_entry_that_is_not_covered_yet_is_told_apart_from_one_that_there_is_not() {
    let place = Place::new();
    let network = Network::new(1, &[place.signer().verifier().for_zone(ZONE)]);
    let ledger = place
        .open_witnessed(&network, "quorum w1", PublishRule::Required)
        .await;
    let none = ledger.inclusion(ZONE, 0, None).await;
    assert!(matches!(none, Err(NoProof::NoEntry { index: 0, size: 0 })));
    append(&ledger, 1..=3).await;
    ledger.close().await;
    network.set_silent("w1", true);
    let ledger = place
        .open_witnessed(&network, "quorum w1", PublishRule::Required)
        .await;
    append(&ledger, 4..=5).await;
    let proof = ledger.inclusion(ZONE, 2, None).await.unwrap();
    assert!(proof.note().contains("w.example"), "the cosigned one");
    let covered = ledger.inclusion(ZONE, 3, None).await;
    assert!(matches!(
        covered,
        Err(NoProof::NotCovered {
            index: 3,
            covered: 3
        })
    ));
    let none = ledger.inclusion(ZONE, 5, None).await;
    assert!(matches!(none, Err(NoProof::NoEntry { index: 5, size: 5 })));
    let covered = ledger.inclusion(ZONE, 2, Some(2)).await;
    assert!(matches!(covered, Err(NoProof::NoCheckpoint { size: 2 })));
    let consistent = ledger.consistency(ZONE, 4, None).await;
    assert!(matches!(
        consistent,
        Err(NoProof::Order { older: 4, newer: 3 })
    ));
}

#[tokio::test]
async fn a_log_of_which_nothing_is_published_has_no_proofs() {
    let place = Place::new();
    let network = Network::new(1, &[place.signer().verifier().for_zone(ZONE)]);
    network.set_silent("w1", true);
    let ledger = place
        .open_witnessed(&network, "quorum w1", PublishRule::Required)
        .await;
    append(&ledger, 1..=3).await;
    let none = ledger.receipt(ZONE, 1, None).await;
    assert!(matches!(none, Err(NoProof::Unpublished { .. })));
    let none = ledger.consistency(ZONE, 1, None).await;
    assert!(matches!(none, Err(NoProof::Unpublished { .. })));
}

#[tokio::test]
async fn the_upper_levels_of_a_log_that_has_none_stored_are_computed() {
    let (place, sizes) = (Place::new(), [300, 700]);
    grown(&place, &sizes).await.close().await;
    place.sql("DELETE FROM tile_hashes WHERE idx = 0").await;
    all_hold(&place.open().await, &place, &sizes).await;
    place.sql("DELETE FROM tile_hashes").await;
    all_hold(&place.open().await, &place, &sizes).await;
}

#[tokio::test]
async fn what_was_changed_is_not_proven() {
    let place = Place::new();
    grown(&place, &[700]).await.close().await;
    let changes = [
        (
            "UPDATE log_entries SET body = x'00' WHERE idx = 5",
            "bytes of entry 5",
        ),
        (
            "UPDATE log_entries SET leaf_hash = zeroblob(32) WHERE idx = 9",
            "do not lead to",
        ),
        (
            "UPDATE log_entries SET leaf_hash = zeroblob(31) WHERE idx = 9",
            "do not lead to",
        ),
        ("DELETE FROM log_entries WHERE idx = 9", "do not lead to"),
        (
            "UPDATE tile_hashes SET hash = zeroblob(32) WHERE idx = 1",
            "do not lead to",
        ),
        (
            "UPDATE checkpoints SET note = replace(note, '700', '701')",
            "does not hold",
        ),
    ];
    for (change, said) in changes {
        let saved = std::fs::read(place.path()).unwrap();
        let ledger = place.open().await;
        place.sql(change).await;
        let refused = ledger.receipt(ZONE, 5, None).await.unwrap_err();
        assert!(refused.to_string().contains(said), "{change}: {refused}");
        ledger.close().await;
        std::fs::write(place.path(), saved).unwrap();
    }
    assert!(place.open().await.receipt(ZONE, 5, None).await.is_ok());
}

/// A log whose leaf hashes are these, written by hand: entries have no bodies.
async fn planted(place: &Place, leaves: &[Hash]) {
    place.open().await.close().await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(place.path());
    let mut connection = options.foreign_keys(false).connect().await.unwrap();
    let mut tree = Frontier::new();
    let mut completed = Vec::new();
    let mut transaction = connection.begin().await.unwrap();
    for (index, leaf) in (0_i64..).zip(leaves) {
        tile_hashes::append(&mut tree, *leaf, &mut completed);
        sqlx::query(
            "INSERT INTO log_entries (zone, idx, emitter_id, seq, recorded_ms, outcome, leaf_hash, body) \
             VALUES ('a', ?, 1, ?, 1, 'allow', ?, zeroblob(600))",
        )
        .bind(index)
        .bind(index)
        .bind(leaf.0.to_vec())
        .execute(&mut *transaction)
        .await
        .unwrap();
    }
    for hash in completed {
        sqlx::query("INSERT INTO tile_hashes (zone, level, idx, hash) VALUES ('a', ?, ?, ?)")
            .bind(i64::from(hash.level))
            .bind(i64::try_from(hash.index).unwrap())
            .bind(hash.hash.0.to_vec())
            .execute(&mut *transaction)
            .await
            .unwrap();
    }
    state(&mut transaction, place, &tree).await;
    transaction.commit().await.unwrap();
    connection.close().await.unwrap();
}

async fn state(connection: &mut SqliteConnection, place: &Place, tree: &Frontier) {
    let size = i64::try_from(tree.size()).unwrap();
    let note = place.signer().sign(&Checkpoint {
        origin: place.signer().origin(ZONE),
        size: tree.size(),
        root: tree.root(),
    });
    sqlx::query("INSERT INTO log_state VALUES ('a', ?, ?, ?, ?)")
        .bind(size)
        .bind(tree.to_bytes())
        .bind(tree.root().0.to_vec())
        .bind(size)
        .execute(&mut *connection)
        .await
        .unwrap();
    sqlx::query("INSERT INTO checkpoints VALUES ('a', ?, ?, ?, 0)")
        .bind(size)
        .bind(note)
        .bind(tree.to_bytes())
        .execute(&mut *connection)
        .await
        .unwrap();
}

#[tokio::test]
async fn proofs_of_a_log_with_three_levels_are_those_of_its_leaves() {
    let (place, leaves) = (Place::new(), reference::leaves(66_000));
    planted(&place, &leaves).await;
    let ledger = place.open().await;
    for index in [0_usize, 255, 256, 40_000, 65_535, 65_536, 65_999] {
        let proof = ledger.inclusion(ZONE, index as u64, None).await.unwrap();
        assert_eq!(
            Some(proof.hashes()),
            inclusion_proof(&leaves, index).as_deref()
        );
    }
}
