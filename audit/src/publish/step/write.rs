//! Writing what has grown: everything but the checkpoint.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::{PublishError, TilePublisher};
use crate::publish::growth::Growth;
use crate::publish::store::{StoreError, TileStore};
use crate::tiles::{HashTile, Kind, TilePath, Width, encode_bundle, grown};

/// Bundles that are read at once: 2048 entries, of about 1 kB each.
const BUNDLES: usize = 8;
/// Files that are written at once. Writing them one by one would take longer than a busy log needs to
/// grow: over a network, or where each waits for the disk.
const AT_ONCE: usize = 16;

/// A file to be written.
type Object = (TilePath, Vec<u8>);

impl<S: TileStore> TilePublisher<S> {
    pub(super) async fn write(&self, published: u64, growth: &Growth) -> Result<(), PublishError> {
        let size = growth.edge.size();
        let bundles: Vec<_> = grown(Kind::Entries, published, size).collect();
        for bundles in bundles.chunks(BUNDLES) {
            let objects = self.bundles(bundles, published, growth).await?;
            self.put_all(objects).await?;
        }
        let full = growth.full.iter();
        let mut objects: Vec<_> = full.map(|full| (full.path, full.tile.to_bytes())).collect();
        let partials = growth.edge.partials();
        for (path, tile) in partials.filter(|(path, _)| !path.is_within(published)) {
            for width in self.widths(path, published).await? {
                let prefix = tile.prefix(width).map(|prefix| prefix.to_bytes());
                objects.extend(prefix.map(|bytes| (path.with_width(width), bytes)));
            }
            objects.push((path, tile.to_bytes()));
        }
        self.put_all(objects).await
    }

    /// Consecutive bundles, and the full tiles of their leaves.
    async fn bundles(
        &self,
        bundles: &[TilePath],
        published: u64,
        growth: &Growth,
    ) -> Result<Vec<Object>, PublishError> {
        let mut objects = Vec::new();
        let (Some(first), Some(last)) = (bundles.first(), bundles.last()) else {
            return Ok(objects);
        };
        let entries = self.source.bodies(&self.zone, first.start(), last.end());
        let entries = entries.await?;
        let files = entries.chunks(usize::from(Width::FULL.get()));
        for (bundle, entries) in bundles.iter().zip(files) {
            let tile: HashTile = growth
                .tile(*bundle, entries)
                .ok_or(PublishError::Entries(*bundle))?;
            objects.push((*bundle, encode_bundle(entries)?));
            if bundle.width() == Width::FULL {
                let path = bundle.of_kind(Kind::Hashes(0));
                objects.extend(path.map(|path| (path, tile.to_bytes())));
                continue;
            }
            for width in self.widths(*bundle, published).await? {
                let entries = entries.get(..width.get().into()).unwrap_or_default();
                objects.push((bundle.with_width(width), encode_bundle(entries)?));
            }
        }
        Ok(objects)
    }

    /// Checkpoints that were signed in between are known to others as well: "logs MUST serve partial
    /// tiles corresponding to tree sizes for which a checkpoint was produced", until the tile is full.
    async fn widths(&self, path: TilePath, published: u64) -> Result<Vec<Width>, PublishError> {
        Ok(self.source.widths(&self.zone, path, published).await?)
    }

    /// Nothing is under way any more when this returns.
    async fn put_all(&self, objects: Vec<Object>) -> Result<(), PublishError> {
        let mut writes = JoinSet::new();
        let mut result = Ok(());
        for (path, bytes) in objects {
            if writes.len() >= AT_ONCE {
                result = finish(&mut writes).await;
            }
            if result.is_err() {
                break;
            }
            let store = Arc::clone(&self.store);
            writes.spawn(async move { store.put(path, bytes).await });
        }
        while !writes.is_empty() {
            result = result.and(finish(&mut writes).await);
        }
        result
    }
}

async fn finish(writes: &mut JoinSet<Result<(), StoreError>>) -> Result<(), PublishError> {
    match writes.join_next().await {
        None => Ok(()),
        Some(Ok(written)) => Ok(written?),
        // It panicked, or the runtime ends.
        Some(Err(error)) => Err(StoreError::io("a file", error).into()),
    }
}
