use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use caracal_mandate::name::Name;

use super::*;
use crate::ledger::Ledger;
use crate::note::Checkpoint;
use crate::record::Record;
use crate::testing::{Place, submissions};
use crate::tiles::{EntryBundle, Kind, TileEdge, TilePath, TileReader, TiledTree, grown};

mod bucket;
mod crashes;
mod folder;
mod forks;
mod growing;
mod third_party;

/// The zone of most tests.
pub(super) const ZONE: &str = "a";

/// A ledger in a file, and a folder where its zone is published.
struct Published {
    place: Arc<Place>,
    web: tempfile::TempDir,
}

impl Published {
    fn new() -> Self {
        Self {
            place: Arc::new(Place::new()),
            web: tempfile::tempdir().unwrap(),
        }
    }

    /// The same ledger, published to another folder.
    fn elsewhere(&self) -> Self {
        Self {
            place: Arc::clone(&self.place),
            web: tempfile::tempdir().unwrap(),
        }
    }

    fn zone() -> Name {
        ZONE.parse().unwrap()
    }

    fn folder(&self) -> PathBuf {
        self.web.path().join(ZONE)
    }

    async fn store(&self) -> FolderStore {
        FolderStore::open(self.web.path(), &Self::zone())
            .await
            .unwrap()
    }

    fn source(&self) -> LogSource {
        LogSource::connect(&self.place.path().as_path().into()).unwrap()
    }

    fn publisher<S: TileStore>(&self, store: S) -> TilePublisher<S> {
        let verifier = self.place.signer().verifier();
        TilePublisher::new(self.source(), Self::zone(), &verifier, store)
    }

    async fn publish(&self) -> Result<Option<u64>, PublishError> {
        self.publisher(self.store().await).publish().await
    }

    /// Appends entries up to `size`, and has it signed.
    async fn grow(&self, size: u64) {
        let ledger = self.place.open().await;
        grow(&ledger, size).await;
        ledger.close().await;
    }

    /// The checkpoint in the folder, verified.
    async fn checkpoint(&self) -> Option<Checkpoint> {
        let published = self.store().await.checkpoint().await.unwrap()?;
        let verifier = self.place.signer().verifier().for_zone(ZONE);
        Some(verifier.open_checkpoint(&published.note).unwrap())
    }

    /// Holds all that is published against its checkpoint, if there is one.
    async fn check(&self) {
        if let Some(checkpoint) = self.checkpoint().await {
            check(&self.store().await, &checkpoint).await;
        }
    }
}

async fn grow(ledger: &Ledger, size: u64) {
    let newest = ledger.list(crate::ListQuery {
        zone: ZONE.to_owned(),
        limit: 1,
        ..Default::default()
    });
    let newest = newest.await.unwrap();
    let next = newest
        .first()
        .map_or(1, |newest| newest.index.saturating_add(2));
    let seqs: Vec<u64> = (next..=size).collect();
    for seqs in seqs.chunks(crate::MAX_BATCH) {
        let (first, last) = (seqs.first().unwrap(), seqs.last().unwrap());
        ledger
            .append(submissions(ZONE, *first..=*last))
            .await
            .unwrap();
    }
}

/// Every file that a tree has is there: each entry is a record that hashes to its leaf, and the tiles
/// of each level are those of the leaves and lead to the root.
async fn check(store: &impl TileStore, checkpoint: &Checkpoint) {
    let mut edge = TileEdge::new();
    let mut tiles = BTreeMap::new();
    for path in grown(Kind::Entries, 0, checkpoint.size) {
        let bytes = store.read(path).await.unwrap();
        let bytes = bytes.unwrap_or_else(|| panic!("{path} is missing"));
        let bundle = EntryBundle::from_bytes(&bytes, path.width()).unwrap();
        for entry in bundle.entries() {
            Record::from_canonical(entry).unwrap();
            let full = edge.append(crate::Hash::leaf(entry));
            tiles.extend(full.into_iter().map(|full| (full.path, full.tile)));
        }
    }
    assert_eq!(
        (edge.size(), edge.root()),
        (checkpoint.size, checkpoint.root)
    );
    tiles.extend(edge.partials());
    for (path, tile) in tiles {
        assert_eq!(
            store.read(path).await.unwrap(),
            Some(tile.to_bytes()),
            "{path}"
        );
    }
    let tree = TiledTree::new(store, checkpoint);
    assert_eq!(tree.root().await.unwrap(), checkpoint.root);
    tree.inclusion(checkpoint.size.saturating_sub(1))
        .await
        .unwrap();
}

/// The files below a folder, by their paths in it, but for that of the lock.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            let name = path
                .strip_prefix(folder)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            if path.is_dir() {
                folders.push(path);
            } else if name != ".publisher.lock" {
                found.insert(name, std::fs::read(path).unwrap());
            }
        }
    }
    found
}

fn path(text: &str) -> TilePath {
    text.parse().unwrap()
}
