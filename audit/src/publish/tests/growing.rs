//! What is published as a log grows.

use std::time::Duration;

use caracal_store::testing::{OWNER, PostgresServer};

use super::*;
use crate::note::CheckpointSigner;
use crate::testing::FixedClock;

#[tokio::test]
async fn nothing_is_published_before_something_is_signed() {
    let published = Published::new();
    let ledger = published.place.open().await;
    assert_eq!(published.publish().await.unwrap(), None);
    assert!(files(&published.folder()).is_empty());
    grow(&ledger, 3).await;
    ledger.close().await;
    assert_eq!(published.publish().await.unwrap(), Some(3));
    published.check().await;
    assert_eq!(published.publish().await.unwrap(), Some(3));
}

#[tokio::test]
async fn a_log_is_published_at_every_size_that_it_grows_to() {
    let published = Published::new();
    for size in [1, 2, 255, 256, 257, 511, 513, 2600, 2601] {
        published.grow(size).await;
        assert_eq!(published.publish().await.unwrap(), Some(size));
        assert_eq!(published.checkpoint().await.unwrap().size, size);
        published.check().await;
    }
    let again = published.elsewhere();
    // At once, it is the same but for the partial tiles on the way that became full.
    again.publish().await.unwrap();
    again.check().await;
    let stepwise = files(&published.folder());
    for (name, bytes) in files(&again.folder()) {
        assert_eq!(stepwise.get(&name), Some(&bytes), "{name}");
    }
}

#[tokio::test]
async fn tiles_of_checkpoints_that_were_signed_in_between_are_there_until_they_are_full() {
    let published = Published::new();
    for size in [300, 520, 530, 540] {
        published.grow(size).await;
    }
    published.publish().await.unwrap();
    let files = files(&published.folder());
    for there in [
        "tile/0/002.p/8",
        "tile/0/002.p/18",
        "tile/0/002.p/28",
        "tile/entries/002.p/8",
        "tile/entries/002.p/18",
        "tile/entries/002.p/28",
        "tile/1/000.p/1",
        "tile/1/000.p/2",
    ] {
        assert!(files.contains_key(there), "{there}");
    }
    // That one is full, which is as good.
    assert!(!files.contains_key("tile/0/001.p/44"));
    let whole = &files["tile/0/002.p/28"];
    assert_eq!(&files["tile/0/002.p/8"], &whole[..8 * 32]);
    assert_eq!(files.len(), 3 * 2 + 2 * 2 + 2 + 1);
}

#[tokio::test]
async fn zones_have_logs_of_their_own() {
    let published = Published::new();
    let ledger = published.place.open().await;
    ledger.append(submissions("a", 1..=3)).await.unwrap();
    ledger.append(submissions("b", 1..=5)).await.unwrap();
    ledger
        .append(submissions("No folder", 1..=1))
        .await
        .unwrap_err();
    ledger.append(submissions("Capital", 1..=1)).await.unwrap();
    ledger.close().await;
    let zones = published.source().zones().await.unwrap();
    assert_eq!(
        zones.iter().map(Name::as_str).collect::<Vec<_>>(),
        ["a", "b"]
    );
    let verifier = published.place.signer().verifier();
    for (zone, size) in zones.into_iter().zip([3, 5]) {
        let store = FolderStore::open(published.web.path(), &zone)
            .await
            .unwrap();
        let source = published.source();
        let following = TilePublisher::new(source, zone.clone(), &verifier, store.clone());
        assert_eq!(following.publish().await.unwrap(), Some(size));
        let note = store.checkpoint().await.unwrap().unwrap().note;
        let verifier = verifier.for_zone(zone.as_str());
        check(&store, &verifier.open_checkpoint(&note).unwrap()).await;
    }
}

#[tokio::test]
async fn two_publishers_of_one_folder_do_not_get_in_each_others_way() {
    let published = Published::new();
    for size in [200, 500, 900, 1400] {
        published.grow(size).await;
        let (one, two) = tokio::join!(published.publish(), published.publish());
        // One of them may have been overtaken, and says so by an older size.
        assert_eq!(one.unwrap().max(two.unwrap()), Some(size));
        published.check().await;
        assert_eq!(published.checkpoint().await.unwrap().size, size);
    }
}

#[tokio::test]
async fn a_running_publisher_follows_the_log_and_publishes_the_last_of_it_when_it_is_stopped() {
    let published = Published::new();
    let ledger = published.place.open().await;
    grow(&ledger, 300).await;
    let task = published
        .publisher(published.store().await)
        .start(Duration::from_millis(20));
    let mut status = task.watch();
    let reached = status.wait_for(|status| status.size == Some(300));
    tokio::time::timeout(Duration::from_mins(1), reached)
        .await
        .unwrap()
        .unwrap();
    grow(&ledger, 420).await;
    ledger.close().await;
    let last = task.stop(Duration::from_mins(1)).await;
    assert_eq!(
        last,
        PublisherStatus {
            size: Some(420),
            failure: None
        }
    );
    assert_eq!(published.checkpoint().await.unwrap().size, 420);
    published.check().await;
}

#[tokio::test]
async fn a_running_publisher_says_why_it_fails_and_goes_on_when_it_can() {
    let published = Published::new();
    published.grow(5).await;
    let store = published.store().await;
    // A file where the folder of tiles has to be.
    std::fs::write(published.folder().join("tile"), "").unwrap();
    let task = published.publisher(store).start(Duration::from_millis(20));
    let mut status = task.watch();
    let failed = status
        .wait_for(|status| status.failure.is_some())
        .await
        .unwrap()
        .clone();
    assert_eq!(failed.size, None);
    let failure = failed.failure.unwrap();
    assert!(
        !failure.fork && failure.text.starts_with("tile/"),
        "{failure:?}"
    );
    std::fs::remove_file(published.folder().join("tile")).unwrap();
    status
        .wait_for(|status| status.failure.is_none())
        .await
        .unwrap();
    assert_eq!(task.status().size, Some(5));
}

#[tokio::test]
async fn a_ledger_on_a_server_is_published_with_the_rights_of_who_appends() {
    let server = PostgresServer::shared();
    let url = server.empty_database().await;
    Ledger::migrate(&url).await.unwrap();
    Ledger::create_roles(&url).await.unwrap();
    server
        .execute(
            "postgres",
            "CREATE ROLE publisher_user LOGIN IN ROLE caracal_ledger",
        )
        .await;
    let database = url.to_string();
    let url = server.url("publisher_user", database.rsplit('/').next().unwrap());
    assert!(database.contains(OWNER));
    let signer = CheckpointSigner::generate("audit.example").unwrap();
    let verifier = signer.verifier();
    let ledger = Ledger::connect(&url, signer, Arc::new(FixedClock))
        .await
        .unwrap();
    grow(&ledger, 700).await;
    ledger.close().await;
    let web = tempfile::tempdir().unwrap();
    let store = FolderStore::open(web.path(), &Published::zone())
        .await
        .unwrap();
    let source = LogSource::connect(&url).unwrap();
    let publisher = TilePublisher::new(source, Published::zone(), &verifier, store.clone());
    assert_eq!(publisher.publish().await.unwrap(), Some(700));
    let note = store.checkpoint().await.unwrap().unwrap().note;
    let checkpoint = verifier.for_zone(ZONE).open_checkpoint(&note).unwrap();
    check(&store, &checkpoint).await;
}
