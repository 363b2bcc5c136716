//! A published log, as those see it who only read it: a folder, or a web server.
//!
//! Nothing that is read is trusted, and no more of it is read than such a file can have.

mod folder;
mod receipt;
mod web;

use std::path::Path;

use rustls::pki_types::CertificateDer;
use url::Url;

use crate::tiles::{TilePath, TileReader, Width};
use folder::FolderLog;
pub use receipt::ReceiptError;
use web::WebLog;

/// The file that names the newest tree.
const CHECKPOINT: &str = "checkpoint";
/// Most bytes of it; as many as a note may have.
const MAX_CHECKPOINT_BYTES: usize = 64 * 1024;

/// The files of one log, wherever they are.
#[derive(Debug, Clone)]
pub struct PublishedLog(Place);

#[derive(Debug, Clone)]
enum Place {
    Folder(FolderLog),
    Web(Box<WebLog>),
}

/// Why a place cannot be that of a log.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// Not a folder.
    #[error("{0} is no folder: name the one of the zone, with its checkpoint in it")]
    NoFolder(String),
    /// Not a URL.
    #[error("{0} is no address")]
    NoUrl(String),
    /// In the clear: entries say who did what.
    #[error("{0} is neither https nor this machine")]
    Insecure(String),
    /// There is nobody to believe over TLS.
    #[error("no TLS client could be made")]
    Tls(#[from] rustls::Error),
}

/// Why a file was not read. That says nothing about the log.
#[derive(Debug, thiserror::Error)]
pub enum ReadFileError {
    /// Reading failed, or nobody answered.
    #[error("{file} could not be read from {place}")]
    Io {
        /// Where the log is.
        place: String,
        /// The file.
        file: String,
        /// What is wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server answered with something else than the file.
    #[error("{place} answered with status {status} for {file}")]
    Status {
        /// Where the log is.
        place: String,
        /// The file.
        file: String,
        /// The status.
        status: u16,
    },
    /// Longer than any file of its name.
    #[error("{file} at {place} is longer than it can be")]
    TooLong {
        /// Where the log is.
        place: String,
        /// The file.
        file: String,
    },
    /// A checkpoint that is no text.
    #[error("the checkpoint at {0} is no text")]
    NoText(String),
}

impl PublishedLog {
    /// The log at a path or at a URL: the folder in which its `checkpoint` is. Over TLS, the authorities of
    /// the system are believed, and these. Reads files: not for a task that must not block.
    pub fn at(place: &str, authorities: &[CertificateDer<'static>]) -> Result<Self, PlaceError> {
        let found = if place.contains("://") {
            let url = Url::parse(place).map_err(|_| PlaceError::NoUrl(place.to_owned()))?;
            Place::Web(Box::new(WebLog::new(url, authorities)?))
        } else {
            Place::Folder(FolderLog::new(Path::new(place))?)
        };
        Ok(Self(found))
    }

    /// The newest checkpoint, a note; `None` where there is none.
    pub async fn checkpoint(&self) -> Result<Option<String>, ReadFileError> {
        let Some(bytes) = self.file(CHECKPOINT, MAX_CHECKPOINT_BYTES).await? else {
            return Ok(None);
        };
        let note = String::from_utf8(bytes);
        note.map(Some)
            .map_err(|_| ReadFileError::NoText(self.place()))
    }

    /// Where it is, for people.
    #[must_use]
    pub fn place(&self) -> String {
        match &self.0 {
            Place::Folder(folder) => folder.place(),
            Place::Web(web) => web.place(),
        }
    }

    /// A file of a tree, and which one it is: a partial one may be gone once there is a full one (C2SP
    /// tlog-tiles, "Partial Tiles").
    pub(crate) async fn of_tree(
        &self,
        path: TilePath,
    ) -> Result<Option<(Vec<u8>, TilePath)>, ReadFileError> {
        if let Some(bytes) = self.read(path).await? {
            return Ok(Some((bytes, path)));
        }
        if path.width() == Width::FULL {
            return Ok(None);
        }
        let full = self.read(path.full()).await?;
        Ok(full.map(|bytes| (bytes, path.full())))
    }

    async fn file(&self, name: &str, most: usize) -> Result<Option<Vec<u8>>, ReadFileError> {
        let read = match &self.0 {
            Place::Folder(folder) => folder.read(name, most).await?,
            Place::Web(web) => web.read(name, most).await?,
        };
        match read {
            Some(bytes) if bytes.len() > most => Err(ReadFileError::TooLong {
                place: self.place(),
                file: name.to_owned(),
            }),
            read => Ok(read),
        }
    }
}

impl TileReader for PublishedLog {
    type Error = ReadFileError;

    async fn read(&self, path: TilePath) -> Result<Option<Vec<u8>>, ReadFileError> {
        self.file(&path.to_string(), path.max_bytes()).await
    }
}

#[cfg(test)]
mod tests;
