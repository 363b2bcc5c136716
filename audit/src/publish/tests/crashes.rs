//! A publisher that ends anywhere.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// A folder whose publisher gets to do so many writes, the last of which may not be known to it.
#[derive(Clone)]
struct Ending {
    folder: FolderStore,
    left: Arc<AtomicUsize>,
    /// Whether the write that it ends with is done.
    done: bool,
}

impl Ending {
    /// Counts a write; whether it is done, and whether its publisher goes on.
    fn write(&self) -> (bool, bool) {
        let before = self
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            });
        match before {
            Err(_) => (false, false),
            Ok(1) => (self.done, false),
            Ok(_) => (true, true),
        }
    }
}

fn ended() -> StoreError {
    StoreError::io("a file", "the publisher was killed")
}

impl TileReader for Ending {
    type Error = StoreError;

    async fn read(&self, path: TilePath) -> Result<Option<Vec<u8>>, StoreError> {
        self.folder.read(path).await
    }
}

impl TileStore for Ending {
    async fn put(&self, path: TilePath, bytes: Vec<u8>) -> Result<(), StoreError> {
        let (done, goes_on) = self.write();
        if done {
            self.folder.put(path, bytes).await?;
        }
        goes_on.then_some(()).ok_or_else(ended)
    }

    async fn checkpoint(&self) -> Result<Option<PublishedCheckpoint>, StoreError> {
        self.folder.checkpoint().await
    }

    async fn put_checkpoint(&self, note: &str, replaces: Option<Mark>) -> Result<(), StoreError> {
        let (done, goes_on) = self.write();
        if done {
            self.folder.put_checkpoint(note, replaces).await?;
        }
        goes_on.then_some(()).ok_or_else(ended)
    }
}

#[tokio::test]
async fn a_publisher_that_ends_at_any_write_leaves_a_whole_tree_and_is_gone_on_with() {
    let source = Published::new();
    let sizes = [10, 300, 1025];
    for size in sizes {
        source.grow(size).await;
    }
    source.publish().await.unwrap();
    let expected = files(&source.folder());
    let writes = expected.len();
    for (left, done) in (1..=writes).flat_map(|left| [(left, false), (left, true)]) {
        let place = source.elsewhere();
        let folder = place.store().await;
        let left = Arc::new(AtomicUsize::new(left));
        let ending = Ending { folder, left, done };
        place.publisher(ending).publish().await.unwrap_err();
        // Whatever is there is whole: a checkpoint comes with its tree, and no file has other bytes.
        place.check().await;
        for (name, bytes) in files(&place.folder()) {
            assert_eq!(expected.get(&name), Some(&bytes), "{name}");
        }
        assert_eq!(place.publish().await.unwrap(), Some(1025));
        assert_eq!(files(&place.folder()), expected);
    }
}

#[tokio::test]
async fn a_publisher_that_ends_while_the_log_grows_leaves_the_older_tree_or_the_newer() {
    // Four bundles and their tiles, the tile above them, and the checkpoint.
    let writes = 10;
    for left in 1..=writes {
        let published = Published::new();
        published.grow(300).await;
        published.publish().await.unwrap();
        published.grow(1025).await;
        let folder = published.store().await;
        let ending = Ending {
            folder,
            left: Arc::new(AtomicUsize::new(left)),
            done: true,
        };
        published.publisher(ending).publish().await.unwrap_err();
        let size = published.checkpoint().await.unwrap().size;
        assert_eq!(size, if left < writes { 300 } else { 1025 });
        published.check().await;
        assert_eq!(published.publish().await.unwrap(), Some(1025));
        published.check().await;
    }
}
