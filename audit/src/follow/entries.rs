//! Reading what is new: entries, the tiles beside and above them, up to the signed root.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::task::JoinHandle;

use super::{FollowError, Follower, Unfit};
use crate::merkle::Hash;
use crate::note::Checkpoint;
use crate::published::{PublishedLog, ReadFileError};
use crate::tiles::{EntryBundle, HashTile, Kind, TileEdge, TilePath, grown};

/// Bundles that are fetched at once. A hostile server can make each as large as 16 MiB.
const AT_ONCE: usize = 4;

/// The hashes of consecutive entries, from both files that tell them.
struct Fetched {
    path: TilePath,
    /// Computed from the entries.
    hashes: Vec<Hash>,
    /// Said by the tile.
    tile: HashTile,
}

impl Follower {
    /// Reads every entry beyond the kept tree, and holds them and the tiles against the signed root.
    pub(super) async fn read_on(
        &self,
        kept: Option<&Checkpoint>,
        seen: &Checkpoint,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<(), FollowError> {
        let mut edge = match kept {
            Some(kept) => edge(&self.log, kept).await?,
            None => TileEdge::new(),
        };
        let mut bundles = grown(Kind::Entries, edge.size(), seen.size);
        let mut under_way: VecDeque<JoinHandle<Result<Fetched, FollowError>>> = VecDeque::new();
        loop {
            while under_way.len() < AT_ONCE
                && let Some(path) = bundles.next()
            {
                let log = Arc::clone(&self.log);
                under_way.push_back(tokio::spawn(async move { fetch(&log, path).await }));
            }
            let Some(next) = under_way.pop_front() else {
                break;
            };
            let fetched = next.await.map_err(|error| stopped(&self.log, error))??;
            self.append(&mut edge, &fetched).await?;
            progress(edge.size());
        }
        for (path, tile) in edge.partials() {
            self.expect(path, &tile).await?;
        }
        if edge.root() == seen.root {
            Ok(())
        } else {
            Err(Unfit::Root(seen.size).into())
        }
    }

    async fn append(&self, edge: &mut TileEdge, fetched: &Fetched) -> Result<(), FollowError> {
        let Fetched { path, hashes, tile } = fetched;
        let indexes = path.start()..;
        for ((index, hash), said) in indexes.zip(hashes).zip(tile.hashes()) {
            if hash != said {
                let path = path.of_kind(Kind::Hashes(0)).unwrap_or(*path);
                return Err(Unfit::Entry { index, path }.into());
            }
            // The bundle at the edge of the kept tree begins with entries that were read before.
            if index < edge.size() {
                continue;
            }
            for full in edge.append(*hash) {
                if full.path.kind() != Kind::Hashes(0) {
                    self.expect(full.path, &full.tile).await?;
                }
            }
        }
        Ok(())
    }

    /// That a published tile is what follows from the entries.
    async fn expect(&self, path: TilePath, tile: &HashTile) -> Result<(), FollowError> {
        if hashes(&self.log, path).await? == *tile {
            Ok(())
        } else {
            Err(Unfit::Level(path).into())
        }
    }
}

/// The right edge of the kept tree, as the published tiles have it.
async fn edge(log: &PublishedLog, kept: &Checkpoint) -> Result<TileEdge, FollowError> {
    let mut tiles = Vec::new();
    for path in TileEdge::paths(kept.size) {
        tiles.push(hashes(log, path).await?);
    }
    TileEdge::from_tiles(kept.size, &tiles)
        .ok()
        .filter(|edge| edge.root() == kept.root)
        .ok_or_else(|| Unfit::Root(kept.size).into())
}

async fn fetch(log: &PublishedLog, path: TilePath) -> Result<Fetched, FollowError> {
    let (bytes, file) = read(log, path).await?;
    let bundle = EntryBundle::from_bytes(&bytes, file.width())
        .map_err(|source| Unfit::Bundle { path: file, source })?;
    let width = usize::from(path.width().get());
    let entries = bundle.entries().iter().take(width);
    let hashes: Vec<Hash> = entries.map(|entry| Hash::leaf(entry)).collect();
    let beside = path.of_kind(Kind::Hashes(0)).ok_or(Unfit::Missing(path))?;
    let tile = self::hashes(log, beside).await?;
    Ok(Fetched { path, hashes, tile })
}

async fn hashes(log: &PublishedLog, path: TilePath) -> Result<HashTile, FollowError> {
    let (bytes, file) = read(log, path).await?;
    let tile = HashTile::from_bytes(&bytes, file.width())
        .map_err(|source| Unfit::Tile { path: file, source })?;
    Ok(tile.prefix(path.width()).ok_or(Unfit::Missing(path))?)
}

async fn read(log: &PublishedLog, path: TilePath) -> Result<(Vec<u8>, TilePath), FollowError> {
    let file = log.of_tree(path).await?;
    Ok(file.ok_or(Unfit::Missing(path))?)
}

/// The runtime ends, or reading panicked.
fn stopped(log: &PublishedLog, error: tokio::task::JoinError) -> FollowError {
    ReadFileError::Io {
        place: log.place(),
        file: "an entry bundle".to_owned(),
        source: error.into(),
    }
    .into()
}
