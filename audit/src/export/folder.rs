//! A folder that is there as a whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use tempfile::{Builder, TempDir};

use super::error::ExportError;

/// How the folder is called before it is whole. One that a killed export left may be deleted.
const UNFINISHED: &str = ".caracal-export-";

/// A folder without a name that anybody looks for. It goes with the value, with all that is in it.
/// Nobody but its owner may read it: it holds who did what.
pub(super) struct NewFolder(TempDir);

impl NewFolder {
    /// A folder beside `target`, and on its disk, so that it can be renamed.
    pub(super) fn beside(target: &Path) -> Result<Self, ExportError> {
        if fs::symlink_metadata(target).is_ok() {
            return Err(ExportError::Exists);
        }
        let made = Builder::new().prefix(UNFINISHED).tempdir_in(parent(target));
        Ok(Self(made.map_err(ExportError::write(target))?))
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Gives the folder its name, once everything in it is durable. The files of it are already.
    pub(super) fn publish(self, target: &Path) -> Result<(), ExportError> {
        let rename = || {
            for zone in fs::read_dir(self.path())? {
                let path = zone?.path();
                if path.is_dir() {
                    sync(&path)?;
                }
            }
            sync(self.path())?;
            // Replaces nothing but an empty folder that somebody made meanwhile.
            fs::rename(self.path(), target)?;
            sync(parent(target))
        };
        rename().map_err(ExportError::write(target))?;
        // Its old name is nobody's now.
        let _renamed: PathBuf = self.0.keep();
        Ok(())
    }
}

fn parent(target: &Path) -> &Path {
    match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// A file that is written line by line.
pub(super) struct Lines {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Lines {
    pub(super) fn create(path: PathBuf) -> Result<Self, ExportError> {
        let file = File::create_new(&path).map_err(ExportError::write(&path))?;
        let file = BufWriter::with_capacity(1 << 16, file);
        Ok(Self { path, file })
    }

    pub(super) fn push(&mut self, line: &[u8]) -> Result<(), ExportError> {
        let written = self.file.write_all(line);
        let written = written.and_then(|()| self.file.write_all(b"\n"));
        written.map_err(ExportError::write(&self.path))
    }

    /// Makes it durable.
    pub(super) fn finish(self) -> Result<(), ExportError> {
        let Self { path, file } = self;
        let file = file.into_inner().map_err(io::IntoInnerError::into_error);
        let synced = file.and_then(|file| file.sync_all());
        synced.map_err(ExportError::write(&path))
    }
}

/// Writes a small file and makes it durable.
pub(super) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), ExportError> {
    let write = || {
        let mut file = File::create_new(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(ExportError::write(path))
}
