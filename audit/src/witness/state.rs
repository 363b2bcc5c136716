//! What a witness remembers: for each log, the checkpoint that it cosigned last.
//!
//! One file for each origin, which is the cosigned checkpoint itself: it names its log, its size and
//! its root, and carries the witness's own cosignature, so damage shows by itself. A file is written
//! beside the old one, synced, and renamed over it, and the folder is synced, before anybody hears of
//! the new size. A lock on a file beside it makes reading, judging and writing one step between
//! threads and processes. A database would do no more here: there is one value for each key, and no
//! transaction ever spans two. What no file can show is that it, or the whole folder, was put back
//! from a backup: a witness that was restored begins under a new key.

mod record;

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

pub(super) use record::Recorded;

use super::origin_hash;
use crate::durable::{self, open_private, sync_folder};
use crate::note::CosignatureVerifier;

/// Says whose folder it is, and that there is one: an empty folder is not taken for a witness that
/// has seen nothing.
const OWNER: &str = "witness.vkey";
/// Longest file that is read: a cosigned note has less.
const MAX_BYTES: u64 = 256 * 1024;

/// Why the state of a witness cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The folder has the state of a witness already.
    #[error("{0} has the state of a witness already")]
    Exists(PathBuf),
    /// The folder is not that of a witness: not made yet, or not mounted.
    #[error("{0} is not the state of a witness")]
    Missing(PathBuf),
    /// It is that of a witness with another key.
    #[error("{0} is the state of a witness with another key")]
    OtherKey(PathBuf),
    /// A file is not what this witness wrote.
    #[error("{path} is damaged: {why}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The file system does not work.
    #[error("{path} cannot be used")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What happened.
        #[source]
        source: io::Error,
    },
}

impl StateError {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}

/// The folder.
#[derive(Debug)]
pub(super) struct StateFolder {
    path: PathBuf,
    verifier: CosignatureVerifier,
}

impl StateFolder {
    /// Makes the folder of a witness that has seen nothing.
    pub(super) fn create(path: &Path, verifier: &CosignatureVerifier) -> Result<(), StateError> {
        durable::make(path).map_err(StateError::io(path))?;
        let owner = path.join(OWNER);
        let made = durable::write_new(&owner, format!("{}\n", verifier.to_text()).as_bytes());
        made.map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => StateError::Exists(path.to_owned()),
            _ => StateError::io(&owner)(source),
        })
    }

    /// Opens the folder, and reads every file of it once.
    pub(super) fn open(path: &Path, verifier: CosignatureVerifier) -> Result<Self, StateError> {
        let owner = path.join(OWNER);
        let text = match fs::read_to_string(&owner) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(StateError::Missing(path.to_owned()));
            }
            Err(error) => return Err(StateError::io(&owner)(error)),
        };
        if text.trim_end() != verifier.to_text() {
            return Err(StateError::OtherKey(path.to_owned()));
        }
        let state = Self {
            path: path.to_owned(),
            verifier,
        };
        for file in fs::read_dir(path).map_err(StateError::io(path))? {
            let name = file.map_err(StateError::io(path))?.file_name();
            if let Some(origin_hash) = name.to_str().and_then(record::of_file) {
                state.read(origin_hash)?;
            }
        }
        Ok(state)
    }

    /// What was recorded for the log whose origin has this hash, as it is at this moment.
    pub(super) fn read(&self, origin_hash: &str) -> Result<Option<Recorded>, StateError> {
        // Not a name that was asked for becomes a path unless it is one of ours.
        let Some(name) = record::file_of(origin_hash) else {
            return Ok(None);
        };
        let path = self.path.join(name);
        let bytes = match durable::read_bounded(&path, MAX_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StateError::io(&path)(error)),
        };
        let recorded = Recorded::read(bytes, origin_hash, &self.verifier);
        recorded
            .map(Some)
            .map_err(|why| StateError::Damaged { path, why })
    }

    /// Waits until nobody else works on the log of this origin.
    pub(super) fn turn(&self, origin: &str) -> Result<Turn<'_>, StateError> {
        let origin_hash = origin_hash(origin);
        let path = self.path.join(format!("{origin_hash}.lock"));
        let lock = open_private(&path).map_err(StateError::io(&path))?;
        // Of the open file, not of the process: two threads wait for each other as well. The system
        // gives it back when the file is closed, however this process ends.
        lock.lock().map_err(StateError::io(&path))?;
        Ok(Turn {
            state: self,
            origin_hash,
            _lock: lock,
        })
    }
}

/// The right to change the state of one log, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    state: &'a StateFolder,
    origin_hash: String,
    _lock: File,
}

impl Turn<'_> {
    pub(super) fn read(&self) -> Result<Option<Recorded>, StateError> {
        self.state.read(&self.origin_hash)
    }

    /// Records a cosigned note, for good.
    pub(super) fn write(&self, note: &str) -> Result<(), StateError> {
        self.stage(note)?;
        self.publish()
    }

    /// The first half: the note is on the disk, and nobody reads it.
    fn stage(&self, note: &str) -> Result<(), StateError> {
        let path = self.staged();
        let staged = || {
            let mut file = open_private(&path)?;
            file.set_len(0)?;
            file.write_all(note.as_bytes())?;
            file.sync_all()
        };
        staged().map_err(StateError::io(&path))
    }

    /// The second half: it takes the place of the old one, at once or not at all.
    fn publish(&self) -> Result<(), StateError> {
        let path = self.state.path.join(record::named(&self.origin_hash));
        fs::rename(self.staged(), &path).map_err(StateError::io(&path))?;
        self.sync()
    }

    /// Makes names durable. Also before an answer that needs no write: the write before it may have
    /// ended in an error here.
    pub(super) fn sync(&self) -> Result<(), StateError> {
        let path = &self.state.path;
        sync_folder(path).map_err(StateError::io(path))
    }

    fn staged(&self) -> PathBuf {
        self.state.path.join(format!("{}.new", self.origin_hash))
    }
}

#[cfg(test)]
mod tests;
