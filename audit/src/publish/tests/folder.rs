//! The store in a folder.

use std::os::unix::fs::PermissionsExt as _;

use super::*;

#[tokio::test]
async fn files_and_folders_can_be_read_by_everybody_and_nothing_else_is_left() {
    let published = Published::new();
    published.grow(300).await;
    published.publish().await.unwrap();
    let names: Vec<_> = files(&published.folder()).into_keys().collect();
    assert_eq!(
        names,
        [
            "checkpoint",
            "tile/0/000",
            "tile/0/001.p/44",
            "tile/1/000.p/1",
            "tile/entries/000",
            "tile/entries/001.p/44",
        ]
    );
    let mode = |name: &str| {
        let metadata = std::fs::metadata(published.folder().join(name)).unwrap();
        metadata.permissions().mode() & 0o777
    };
    assert!(names.iter().all(|name| mode(name) == 0o644));
    for folder in ["", "tile", "tile/0", "tile/0/001.p", "tile/entries"] {
        assert_eq!(mode(folder), 0o755, "{folder:?}");
    }
}

#[tokio::test]
async fn a_file_is_written_again_with_the_same_bytes_only() {
    let store = Published::new();
    let store = store.store().await;
    let tile = path("tile/0/x001/000.p/1");
    assert_eq!(store.read(tile).await.unwrap(), None);
    store.put(tile, vec![1; 32]).await.unwrap();
    store.put(tile, vec![1; 32]).await.unwrap();
    for other in [vec![2; 32], vec![1; 31], vec![1; 33], Vec::new()] {
        let refused = store.put(tile, other).await;
        assert!(matches!(refused, Err(StoreError::Occupied(path)) if path == tile));
    }
    assert_eq!(store.read(tile).await.unwrap(), Some(vec![1; 32]));
}

#[tokio::test]
async fn a_checkpoint_is_replaced_only_by_who_has_seen_it() {
    let place = Published::new();
    let store = place.store().await;
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
async fn of_many_that_replace_one_checkpoint_one_does() {
    let place = Published::new();
    let store = place.store().await;
    store.put_checkpoint("first", None).await.unwrap();
    let mark = store.checkpoint().await.unwrap().unwrap().mark;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..20 {
        let (store, mark) = (store.clone(), mark.clone());
        tasks.spawn(async move {
            let note = format!("number {number}");
            store
                .put_checkpoint(&note, Some(mark))
                .await
                .is_ok()
                .then_some(note)
        });
    }
    let done: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    assert_eq!(done, [store.checkpoint().await.unwrap().unwrap().note]);
}

#[tokio::test]
async fn a_file_that_is_too_long_is_not_read() {
    let place = Published::new();
    let store = place.store().await;
    std::fs::create_dir_all(place.folder().join("tile/0")).unwrap();
    std::fs::write(place.folder().join("tile/0/000"), vec![0; 8193]).unwrap();
    let read = store.read(path("tile/0/000")).await;
    assert!(matches!(read, Err(StoreError::Foreign(name)) if name == "tile/0/000"));
    for bytes in [vec![b'a'; 64 * 1024 + 1], vec![0xff]] {
        std::fs::write(place.folder().join("checkpoint"), bytes).unwrap();
        assert!(matches!(
            store.checkpoint().await,
            Err(StoreError::Foreign(_))
        ));
    }
}
