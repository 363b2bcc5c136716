//! A log in a folder.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use super::{PlaceError, ReadFileError};

#[derive(Debug, Clone)]
pub(super) struct FolderLog(PathBuf);

impl FolderLog {
    pub(super) fn new(folder: &Path) -> Result<Self, PlaceError> {
        if folder.is_dir() {
            Ok(Self(folder.to_owned()))
        } else {
            Err(PlaceError::NoFolder(folder.display().to_string()))
        }
    }

    pub(super) fn place(&self) -> String {
        self.0.display().to_string()
    }

    /// One byte more than `most`, where there are so many.
    pub(super) async fn read(
        &self,
        name: &str,
        most: usize,
    ) -> Result<Option<Vec<u8>>, ReadFileError> {
        let path = self.0.join(name);
        let reading = tokio::task::spawn_blocking(move || read(&path, most)).await;
        let read = reading.map_err(io::Error::other).flatten();
        read.map_err(|source| ReadFileError::Io {
            place: self.place(),
            file: name.to_owned(),
            source: source.into(),
        })
    }
}

fn read(path: &Path, most: usize) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    let bound = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    file.take(bound).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}
