//! Where tiles are read from.

use std::error::Error;

use super::path::TilePath;

/// A place that has the files of one log: a folder, a bucket, a web server.
pub trait TileReader: Sync {
    /// Why nothing could be read.
    type Error: Error + Send + Sync + 'static;

    /// The bytes of a file; `None` where there is none of that name. They are not trusted.
    fn read(
        &self,
        path: TilePath,
    ) -> impl Future<Output = Result<Option<Vec<u8>>, Self::Error>> + Send;
}
