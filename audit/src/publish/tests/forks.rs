//! Two histories of one log, and files that were changed.

use std::time::Duration;

use super::*;
use crate::note::CheckpointSigner;

async fn refused(published: &Published) -> PublishError {
    let before = files(&published.folder());
    let error = published.publish().await.unwrap_err();
    assert!(error.is_fork(), "{error}");
    assert_eq!(files(&published.folder()), before, "nothing is written");
    error
}

fn change(published: &Published, name: &str) {
    let file = published.folder().join(name);
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(file, bytes).unwrap();
}

#[tokio::test]
async fn a_tile_of_the_edge_that_was_changed_is_found_before_anything_is_written() {
    for tile in ["tile/0/001.p/44", "tile/1/000.p/1"] {
        let published = Published::new();
        published.grow(300).await;
        published.publish().await.unwrap();
        published.grow(600).await;
        change(&published, tile);
        assert!(matches!(
            refused(&published).await,
            PublishError::Tiles(300)
        ));
        let file = published.folder().join(tile);
        std::fs::write(&file, "").unwrap();
        let error = refused(&published).await;
        assert!(matches!(error, PublishError::Malformed { path, .. } if path.to_string() == tile));
        std::fs::remove_file(&file).unwrap();
        let error = refused(&published).await;
        assert!(matches!(error, PublishError::Missing(path) if path.to_string() == tile));
    }
}

#[tokio::test]
async fn what_no_publisher_wrote_is_no_passing_trouble() {
    let published = Published::new();
    published.grow(300).await;
    published.publish().await.unwrap();
    published.grow(600).await;
    let tile = published.folder().join("tile/0/001.p/44");
    std::fs::write(&tile, vec![0; 45 * 32]).unwrap();
    let error = refused(&published).await;
    assert!(
        matches!(error, PublishError::Store(StoreError::Foreign(name)) if name == "tile/0/001.p/44")
    );
}

#[tokio::test]
async fn a_file_that_is_in_the_way_with_other_bytes_is_reported_and_left_alone() {
    for name in [
        "tile/0/000",
        "tile/entries/000",
        "tile/0/001.p/44",
        "tile/entries/001.p/44",
        "tile/1/000.p/1",
    ] {
        let published = Published::new();
        published.grow(300).await;
        published.publish().await.unwrap();
        std::fs::remove_file(published.folder().join("checkpoint")).unwrap();
        // All is there with the right bytes: it is written again from nothing.
        assert_eq!(published.publish().await.unwrap(), Some(300));
        std::fs::remove_file(published.folder().join("checkpoint")).unwrap();
        change(&published, name);
        let error = refused(&published).await;
        assert!(
            matches!(error, PublishError::Forked(path) if path.to_string() == name),
            "{error}"
        );
        assert_eq!(published.checkpoint().await, None);
    }
}

#[tokio::test]
async fn a_ledger_that_was_put_back_publishes_nothing() {
    let published = Published::new();
    published.grow(300).await;
    let older = tempfile::NamedTempFile::new().unwrap();
    std::fs::copy(published.place.path(), older.path()).unwrap();
    published.grow(600).await;
    published.publish().await.unwrap();
    std::fs::copy(older.path(), published.place.path()).unwrap();
    let error = refused(&published).await;
    assert!(
        matches!(
            error,
            PublishError::PutBack {
                published: 600,
                signed: 300
            }
        ),
        "{error}"
    );
    // It goes on from there with other entries, and signs them: the same size, and then a larger one.
    let ledger = published.place.open().await;
    ledger.append(submissions("a", 1000..=1299)).await.unwrap();
    ledger.close().await;
    let error = refused(&published).await;
    assert!(
        matches!(
            error,
            PublishError::Inconsistent {
                published: 600,
                signed: 600
            }
        ),
        "{error}"
    );
    published.grow(800).await;
    let error = refused(&published).await;
    assert!(
        matches!(
            error,
            PublishError::Inconsistent {
                published: 600,
                signed: 800
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn a_running_publisher_says_that_there_are_two_histories() {
    let published = Published::new();
    published.grow(300).await;
    published.publish().await.unwrap();
    published.grow(600).await;
    change(&published, "tile/0/001.p/44");
    let task = published
        .publisher(published.store().await)
        .start(Duration::from_millis(20));
    let mut status = task.watch();
    status
        .wait_for(|status| status.failure.is_some())
        .await
        .unwrap();
    let failure = task.stop(Duration::from_mins(1)).await.failure.unwrap();
    assert!(
        failure.fork && failure.text.contains("300 entries"),
        "{failure:?}"
    );
    assert_eq!(published.checkpoint().await.unwrap().size, 300);
}

#[tokio::test]
async fn entries_that_were_changed_after_they_were_signed_are_not_published() {
    for (statement, expected) in [
        (
            "UPDATE log_entries SET body = CAST(replace(body, 'payout', 'refund') AS BLOB) WHERE idx = 290",
            "the entries of tile/entries/001.p/44",
        ),
        (
            "UPDATE log_entries SET body = CAST(replace(body, 'payout', 'refund') AS BLOB) WHERE idx = 7",
            "the entries of tile/entries/000",
        ),
        (
            "UPDATE log_entries SET leaf_hash = zeroblob(32) WHERE idx = 7",
            "does not lead from the 0 entries",
        ),
        (
            "UPDATE log_entries SET leaf_hash = zeroblob(31) WHERE idx = 7",
            "entry 7 of the log is missing",
        ),
        (
            "DELETE FROM log_entries WHERE idx = 7",
            "entry 7 of the log is missing",
        ),
        (
            "DELETE FROM log_entries WHERE idx = 299",
            "entry 299 of the log is missing",
        ),
        (
            "UPDATE checkpoints SET note = replace(note, '300', '301')",
            "newest checkpoint of the log does not hold",
        ),
    ] {
        let published = Published::new();
        published.grow(300).await;
        published.place.sql(statement).await;
        let error = published.publish().await.unwrap_err();
        assert!(
            error.is_fork() && error.to_string().contains(expected),
            "{statement}: {error}"
        );
        assert_eq!(published.checkpoint().await, None);
        let written = files(&published.folder());
        assert!(
            !written
                .values()
                .any(|bytes| bytes.windows(6).any(|six| six == b"refund"))
        );
    }
}

#[tokio::test]
async fn the_checkpoint_of_another_log_is_not_taken_for_ours() {
    let published = Published::new();
    published.grow(3).await;
    let theirs = CheckpointSigner::generate("audit.example").unwrap();
    let checkpoint = Checkpoint {
        origin: theirs.origin(ZONE),
        size: 2,
        root: crate::Hash::leaf(b"x"),
    };
    let ours = published.place.signer();
    let other_zone = Checkpoint {
        origin: ours.origin("b"),
        ..checkpoint.clone()
    };
    published.store().await;
    for note in [
        theirs.sign(&checkpoint),
        ours.sign(&other_zone),
        "no note".to_owned(),
    ] {
        std::fs::write(published.folder().join("checkpoint"), note).unwrap();
        assert!(matches!(
            refused(&published).await,
            PublishError::Published(_)
        ));
    }
}
