//! Where tiles are read from.

use std::error::Error;
use std::sync::Arc;

use super::nodes::TileNodes;
use super::path::TilePath;

/// A place that has the files of one log: a folder, a bucket, a web server, a database.
pub trait TileReader: Sync {
    /// Why nothing could be read.
    type Error: Error + Send + Sync + 'static;

    /// The bytes of a file; `None` where there is none of that name. They are not trusted.
    fn read(
        &self,
        path: TilePath,
    ) -> impl Future<Output = Result<Option<Vec<u8>>, Self::Error>> + Send;

    /// A tile that it has kept from an earlier proof; most keep none.
    fn kept(&self, _path: TilePath) -> Option<Arc<TileNodes>> {
        None
    }

    /// Hears of each tile that a proof is made of, before it is known whether the proof holds.
    fn used(&self, _path: TilePath, _tile: &Arc<TileNodes>) {}
}
