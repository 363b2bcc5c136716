//! The tiles of a log, out of the database.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use caracal_store::Dialect;
use sqlx::{AnyPool, Row as _};

use super::cache::TileCache;
use crate::ledger::Ledger;
use crate::ledger::state::{signed, unsigned};
use crate::merkle::Hash;
use crate::tiles::{HashTile, Kind, TileNodes, TilePath, TileReader, Width};

type Read<'f, T> = Pin<Box<dyn Future<Output = Result<Option<T>, sqlx::Error>> + Send + 'f>>;

/// The tiles of one zone's log, for one proof.
pub(super) struct DatabaseTiles<'a> {
    database: &'a AnyPool,
    dialect: Dialect,
    zone: &'a str,
    cache: &'a TileCache,
    /// What was read for this proof, which has to hold before anything is kept of it.
    fresh: Mutex<Vec<(TilePath, Arc<TileNodes>)>>,
}

impl<'a> DatabaseTiles<'a> {
    pub(super) fn new(ledger: &'a Ledger, zone: &'a str) -> Self {
        Self {
            database: &ledger.readers,
            dialect: ledger.dialect,
            zone,
            cache: &ledger.tiles,
            fresh: Mutex::default(),
        }
    }

    /// Keeps what was read. The proof led to the signed root, and every hash of every tile of it is part
    /// of what leads there.
    pub(super) fn keep(self) {
        let fresh = self.fresh.into_inner();
        for (path, tile) in fresh.unwrap_or_else(PoisonError::into_inner) {
            self.cache.put(self.zone, path, tile);
        }
    }

    /// A tile; `None` where the log is not so long.
    fn tile(&self, level: u8, path: TilePath) -> Read<'_, Vec<u8>> {
        Box::pin(async move {
            let stored = self.at_once(level, path).await?;
            let width = usize::from(path.width().get());
            match stored.filter(|tile| tile.len() == width.saturating_mul(size_of::<Hash>())) {
                Some(tile) => Ok(Some(tile)),
                None if level == 0 => Ok(None),
                None => self.computed(level, path).await,
            }
        })
    }

    /// All hashes of a tile that are stored, as one value: 256 rows take many times as long to be handed
    /// over as to be found.
    async fn at_once(&self, level: u8, path: TilePath) -> Result<Option<Vec<u8>>, sqlx::Error> {
        let sql = match (level, self.dialect) {
            (0, Dialect::Sqlite) => {
                "SELECT string_agg(hex(leaf_hash), '' ORDER BY idx) FROM log_entries \
                 WHERE zone = $1 AND idx >= $2 AND idx < $3"
            }
            (0, Dialect::Postgres) => {
                "SELECT string_agg(encode(leaf_hash, 'hex'), '' ORDER BY idx) FROM log_entries \
                 WHERE zone = $1 AND idx >= $2 AND idx < $3"
            }
            (_, Dialect::Sqlite) => {
                "SELECT string_agg(hex(hash), '' ORDER BY idx) FROM tile_hashes \
                 WHERE zone = $1 AND idx >= $2 AND idx < $3 AND level = $4"
            }
            (_, Dialect::Postgres) => {
                "SELECT string_agg(encode(hash, 'hex'), '' ORDER BY idx) FROM tile_hashes \
                 WHERE zone = $1 AND idx >= $2 AND idx < $3 AND level = $4"
            }
        };
        let mut query = sqlx::query_scalar(sql)
            .bind(self.zone.to_owned())
            .bind(signed(path.start()))
            .bind(signed(path.end()));
        if level > 0 {
            query = query.bind(i64::from(level));
        }
        let hex: Option<String> = query.fetch_one(self.database).await?;
        Ok(hex.as_deref().and_then(bytes_of))
    }

    /// A tile above level 0 of which hashes are missing: those are computed from the tiles below, which
    /// are too many to be kept.
    async fn computed(&self, level: u8, path: TilePath) -> Result<Option<Vec<u8>>, sqlx::Error> {
        let rows = sqlx::query(
            "SELECT idx, hash FROM tile_hashes \
             WHERE zone = $1 AND level = $2 AND idx >= $3 AND idx < $4",
        )
        .bind(self.zone.to_owned())
        .bind(i64::from(level))
        .bind(signed(path.start()))
        .bind(signed(path.end()))
        .fetch_all(self.database)
        .await?;
        let mut stored: HashMap<u64, Vec<u8>> = HashMap::with_capacity(rows.len());
        for row in &rows {
            stored.insert(unsigned(row, "idx")?, row.try_get("hash")?);
        }
        let below = level.saturating_sub(1);
        let mut bytes = Vec::new();
        for index in path.start()..path.end() {
            if let Some(hash) = stored.remove(&index) {
                bytes.extend(hash);
                continue;
            }
            let Some(child) = TilePath::new(Kind::Hashes(below), index, Width::FULL) else {
                return Ok(None);
            };
            let Some(child) = self.tile(below, child).await? else {
                return Ok(None);
            };
            let child = HashTile::from_bytes(&child, Width::FULL);
            bytes.extend(child.map_or_else(|_| Vec::new(), |tile| tile.root().0.to_vec()));
        }
        Ok(Some(bytes))
    }
}

impl TileReader for DatabaseTiles<'_> {
    type Error = sqlx::Error;

    async fn read(&self, path: TilePath) -> Result<Option<Vec<u8>>, sqlx::Error> {
        let Kind::Hashes(level) = path.kind() else {
            return Ok(None);
        };
        self.tile(level, path).await
    }

    fn kept(&self, path: TilePath) -> Option<Arc<TileNodes>> {
        self.cache.get(self.zone, path)
    }

    fn used(&self, path: TilePath, tile: &Arc<TileNodes>) {
        let mut fresh = self.fresh.lock().unwrap_or_else(PoisonError::into_inner);
        fresh.push((path, Arc::clone(tile)));
    }
}

/// The bytes of pairs of hexadecimal digits, in either case.
fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let byte = |[high, low]: &[u8; 2]| {
        let byte = digit(*high)?.checked_mul(16)?.checked_add(digit(*low)?)?;
        u8::try_from(byte).ok()
    };
    pairs.iter().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn hexadecimal_digits_are_read_in_either_case(hash in any::<[u8; 32]>()) {
            let text = Hash(hash).to_string();
            prop_assert_eq!(bytes_of(&text), Some(hash.to_vec()));
            prop_assert_eq!(bytes_of(&text.to_uppercase()), Some(hash.to_vec()));
            prop_assert_eq!(bytes_of(&text[1..]), None);
        }
    }

    #[test]
    fn what_is_no_digit_is_refused() {
        for text in ["0g", "+1", " 1", "0x", "é"] {
            assert_eq!(bytes_of(text), None, "{text}");
        }
    }
}
