//! Tiles of proofs that held.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::tiles::{TileNodes, TilePath};

/// Tiles that are kept for sure, with their nodes: 4 MiB of them, and at most as many again. The levels above
/// the leaf hashes of ten million entries are 154 tiles.
const KEPT: usize = 256;

/// A zone and a tile of its tree. A tile never changes, a partial one neither: its width is in its name.
type Name = (String, TilePath);

/// The tiles that were used lately, in two generations: what is used goes into the young one, and when
/// that is full it becomes the old one, of which nobody used the rest.
#[derive(Debug, Default)]
pub(in crate::ledger) struct TileCache(Mutex<Generations>);

#[derive(Debug, Default)]
struct Generations {
    young: HashMap<Name, Arc<TileNodes>>,
    old: HashMap<Name, Arc<TileNodes>>,
}

impl TileCache {
    pub(super) fn get(&self, zone: &str, path: TilePath) -> Option<Arc<TileNodes>> {
        let name = (zone.to_owned(), path);
        let mut tiles = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tile) = tiles.young.get(&name) {
            return Some(Arc::clone(tile));
        }
        let tile = tiles.old.remove(&name)?;
        tiles.put(name, Arc::clone(&tile));
        Some(tile)
    }

    /// Keeps a tile that led to a signed root.
    pub(super) fn put(&self, zone: &str, path: TilePath, tile: Arc<TileNodes>) {
        let mut tiles = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tiles.put((zone.to_owned(), path), tile);
    }
}

impl Generations {
    fn put(&mut self, name: Name, tile: Arc<TileNodes>) {
        if self.young.len() >= KEPT {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(name, tile);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::Hash;
    use crate::tiles::{HashTile, Kind, Width};

    fn path(index: u64) -> TilePath {
        TilePath::new(Kind::Hashes(0), index, Width::FULL).unwrap()
    }

    #[test]
    fn what_is_used_stays_and_the_number_is_bounded() {
        let tile = HashTile::new(vec![Hash::empty()]).unwrap();
        let tile = Arc::new(TileNodes::new(&tile));
        let cache = TileCache::default();
        for index in 0..10_000 {
            cache.put("a", path(index), Arc::clone(&tile));
            assert!(cache.get("a", path(0)).is_some(), "after {index}");
            let tiles = cache.0.lock().unwrap();
            assert!(tiles.young.len() + tiles.old.len() <= 2 * KEPT + 1);
        }
        assert!(cache.get("a", path(1)).is_none());
        assert!(cache.get("a", path(9_999)).is_some());
        assert!(cache.get("b", path(9_999)).is_none());
    }
}
