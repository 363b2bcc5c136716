//! The store in a bucket, of a server that others wrote.

use super::*;
use crate::ledger::Clock;
use crate::publish::s3::{Credentials, S3Client, S3Store};
use crate::testing::s3::{S3Server, credentials};

/// Signatures are of now.
struct Now;

impl Clock for Now {
    fn unix_ms(&self) -> u64 {
        #[expect(
            clippy::disallowed_methods,
            reason = "the server has a clock of its own"
        )]
        let now = std::time::SystemTime::now();
        let since = now.duration_since(std::time::UNIX_EPOCH).unwrap();
        u64::try_from(since.as_millis()).unwrap()
    }
}

fn store_as(server: &S3Server, client: S3Client, credentials: Credentials) -> S3Store {
    let place = server.place("audit/log");
    S3Store::new(
        client,
        &place,
        &Published::zone(),
        credentials,
        Arc::new(Now),
    )
}

fn store(server: &S3Server) -> S3Store {
    store_as(server, server.client(), credentials())
}

async fn newest(published: &Published, store: &S3Store) -> Checkpoint {
    let note = store.checkpoint().await.unwrap().unwrap().note;
    let verifier = published.place.signer().verifier().for_zone(ZONE);
    verifier.open_checkpoint(&note).unwrap()
}

#[tokio::test]
async fn a_bucket_gets_the_files_that_a_folder_gets() {
    let server = S3Server::start().await;
    let published = Published::new();
    let store = store(&server);
    let following = published.publisher(store.clone());
    for size in [1, 255, 256, 700, 2600] {
        published.grow(size).await;
        assert_eq!(following.publish().await.unwrap(), Some(size));
        assert_eq!(published.publish().await.unwrap(), Some(size));
        check(&store, &newest(&published, &store).await).await;
    }
    assert_eq!(following.publish().await.unwrap(), Some(2600));
    let objects = files(&server.objects().join("audit/log").join(ZONE));
    assert_eq!(objects, files(&published.folder()));
}

#[tokio::test]
async fn a_bucket_is_reached_over_tls_by_who_believes_its_certificate() {
    let server = S3Server::start_with_tls().await;
    let published = Published::new();
    published.grow(3).await;
    let doubting = store_as(&server, S3Client::new(&[]).unwrap(), credentials());
    let refused = published.publisher(doubting).publish().await.unwrap_err();
    assert!(
        crate::causes::with_causes(&refused).contains("certificate"),
        "{refused:?}"
    );
    let store = store(&server);
    assert_eq!(
        published.publisher(store.clone()).publish().await.unwrap(),
        Some(3)
    );
    check(&store, &newest(&published, &store).await).await;
}

#[tokio::test]
async fn an_object_is_written_again_with_the_same_bytes_only() {
    let server = S3Server::start().await;
    let store = store(&server);
    let tile = path("tile/0/x001/000.p/1");
    assert_eq!(store.read(tile).await.unwrap(), None);
    store.put(tile, vec![1; 32]).await.unwrap();
    store.put(tile, vec![1; 32]).await.unwrap();
    let refused = store.put(tile, vec![2; 32]).await;
    assert!(matches!(refused, Err(StoreError::Occupied(path)) if path == tile));
    assert_eq!(store.read(tile).await.unwrap(), Some(vec![1; 32]));
    // The server itself sees to it that of two at once one is kept.
    let tile = path("tile/0/x001/001.p/1");
    let mut writes = tokio::task::JoinSet::new();
    for number in 0..10 {
        let store = store.clone();
        writes.spawn(async move { store.put(tile, vec![number; 32]).await.is_ok() });
    }
    let done = writes.join_all().await;
    assert_eq!(done.into_iter().filter(|done| *done).count(), 1);
}

#[tokio::test]
async fn a_checkpoint_in_a_bucket_is_replaced_only_by_who_has_seen_it() {
    let server = S3Server::start().await;
    let store = store(&server);
    assert_eq!(store.checkpoint().await.unwrap(), None);
    store.put_checkpoint("one\n", None).await.unwrap();
    let late = store.put_checkpoint("other\n", None).await;
    assert!(matches!(late, Err(StoreError::Replaced)));
    let first = store.checkpoint().await.unwrap().unwrap();
    assert_eq!(first.note, "one\n");
    store
        .put_checkpoint("two\n", Some(first.mark.clone()))
        .await
        .unwrap();
    let late = store.put_checkpoint("other\n", Some(first.mark)).await;
    assert!(matches!(late, Err(StoreError::Replaced)));
    assert_eq!(store.checkpoint().await.unwrap().unwrap().note, "two\n");
}

#[tokio::test]
async fn who_may_not_write_is_told_what_the_server_says() {
    let server = S3Server::start().await;
    let published = Published::new();
    published.grow(3).await;
    let stranger = Credentials::new(credentials().key(), "another secret");
    let store = store_as(&server, server.client(), stranger);
    let error = published.publisher(store).publish().await.unwrap_err();
    assert!(!error.is_fork());
    let text = crate::causes::with_causes(&error);
    assert!(
        text.contains("403 Forbidden SignatureDoesNotMatch"),
        "{text}"
    );
    assert!(!text.contains("X-Amz"), "no signature is told: {text}");
}

#[tokio::test]
async fn an_object_that_was_changed_is_found_and_nothing_is_written() {
    let server = S3Server::start().await;
    let published = Published::new();
    let store = store(&server);
    published.grow(300).await;
    published.publisher(store.clone()).publish().await.unwrap();
    published.grow(600).await;
    let tile = server.objects().join("audit/log/a/tile/1/000.p/1");
    std::fs::write(tile, [0; 32]).unwrap();
    let error = published
        .publisher(store.clone())
        .publish()
        .await
        .unwrap_err();
    assert!(matches!(error, PublishError::Tiles(300)), "{error:?}");
    assert_eq!(newest(&published, &store).await.size, 300);
}
