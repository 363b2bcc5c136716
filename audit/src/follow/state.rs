//! What a follower remembers: a folder with the newest checkpoint that it found good.
//!
//! The file is the signed note itself, replaced as a whole and durable before the next one is looked at. A
//! lock keeps two followers out of one folder. A folder that was emptied cannot be told from a new one:
//! whoever follows sees it, because the first step says that it begins with nothing.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::Kept;
use crate::durable::{make, open_private, read_bounded, replace, write_new};
use crate::merkle::Hash;
use crate::note::{Checkpoint, CheckpointVerifier};
use crate::trust::LogTrust;

/// Whose log is followed: the text of its key.
const KEY: &str = "log.vkey";
const CHECKPOINT: &str = "checkpoint";
const EVIDENCE: &str = "evidence";
const LOCK: &str = "lock";
/// Longest file that is read: a note has less.
const MAX_BYTES: u64 = 64 * 1024;
/// Contradictions that are kept. More of them prove no more, and a log that makes up a new one every
/// second must not fill the disk.
const MAX_EVIDENCE: usize = 100;

/// Why the state of a follower cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// It was begun with another key.
    #[error("{} is the state of a follower of another log, or of one with another key", .0.display())]
    OtherKey(PathBuf),
    /// The checkpoint is not what a follower kept.
    #[error("{} is damaged: {why}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Another follower is at work there.
    #[error("another follower uses {}", .0.display())]
    Busy(PathBuf),
    /// The file system does not work.
    #[error("{} cannot be used", .path.display())]
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

#[derive(Debug)]
pub(super) struct FollowState {
    folder: PathBuf,
    /// Held as long as the value lives.
    _lock: File,
}

impl FollowState {
    /// Opens the folder, or makes it, and reads what was kept.
    pub(super) fn open(
        folder: &Path,
        key: &CheckpointVerifier,
    ) -> Result<(Self, Option<Kept>), StateError> {
        make(folder).map_err(StateError::io(folder))?;
        let path = folder.join(LOCK);
        let lock = open_private(&path).map_err(StateError::io(&path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StateError::Busy(folder.to_owned())),
            Err(TryLockError::Error(error)) => return Err(StateError::io(&path)(error)),
        }
        let state = Self {
            folder: folder.to_owned(),
            _lock: lock,
        };
        let path = folder.join(KEY);
        match fs::read_to_string(&path) {
            Ok(text) if text.trim_end() == key.to_text() => {}
            Ok(_) => return Err(StateError::OtherKey(folder.to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let text = format!("{}\n", key.to_text());
                write_new(&path, text.as_bytes()).map_err(StateError::io(&path))?;
            }
            Err(error) => return Err(StateError::io(&path)(error)),
        }
        let kept = state.read(key)?;
        Ok((state, kept))
    }

    fn read(&self, key: &CheckpointVerifier) -> Result<Option<Kept>, StateError> {
        let path = self.folder.join(CHECKPOINT);
        let bytes = match read_bounded(&path, MAX_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StateError::io(&path)(error)),
        };
        let damaged = |why: String| StateError::Damaged {
            path: path.clone(),
            why,
        };
        let note = String::from_utf8(bytes).map_err(|_| damaged("it is no text".to_owned()))?;
        // By the key alone: a policy may have become stricter since.
        let opened = LogTrust::new(key.clone(), None).open(&note);
        let checkpoint = opened
            .map_err(|error| damaged(error.to_string()))?
            .checkpoint;
        self.kept(note, checkpoint).map(Some)
    }

    /// Replaces the checkpoint, for good.
    pub(super) fn keep(&self, note: String, checkpoint: Checkpoint) -> Result<Kept, StateError> {
        let path = self.folder.join(CHECKPOINT);
        replace(&path, note.as_bytes()).map_err(StateError::io(&path))?;
        self.kept(note, checkpoint)
    }

    fn kept(&self, note: String, checkpoint: Checkpoint) -> Result<Kept, StateError> {
        let path = self.folder.join(CHECKPOINT);
        let since = fs::metadata(&path).and_then(|file| file.modified());
        Ok(Kept {
            note,
            checkpoint,
            since: since.map_err(StateError::io(&path))?,
        })
    }

    /// Keeps two notes that contradict each other, each contradiction once; returns their folder.
    pub(super) fn evidence(&self, kept: &str, seen: &str) -> Result<PathBuf, StateError> {
        let folder = self.folder.join(EVIDENCE);
        make(&folder).map_err(StateError::io(&folder))?;
        let both = Sha256::new().chain_update(kept).chain_update(seen);
        let name = Hash(both.finalize().into()).to_string();
        let name: String = name.chars().take(16).collect();
        let place = folder.join(name);
        if place.exists() {
            return Ok(place);
        }
        let there = fs::read_dir(&folder).map_err(StateError::io(&folder))?;
        if there.count() >= MAX_EVIDENCE {
            return Ok(folder);
        }
        make(&place).map_err(StateError::io(&place))?;
        for (name, note) in [("kept", kept), ("seen", seen)] {
            let path = place.join(name);
            replace(&path, note.as_bytes()).map_err(StateError::io(&path))?;
        }
        Ok(place)
    }
}
