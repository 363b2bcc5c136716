//! How far each zone's log was exported, in a file.
//!
//! Not in the ledger's database: on `SQLite` each step would take the write lock that appends wait for, and
//! whoever may append changes nothing there.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

const VERSION: u32 = 1;

/// Why the cursor file is of no use.
#[derive(Debug, thiserror::Error)]
pub enum ExportCursorError {
    /// It cannot be read or written.
    #[error("the cursor of the log export, {}, cannot be used", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no such file.
    #[error(
        "{} is no cursor of a log export: restore it, or remove it, which exports everything again",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// It belongs to another ledger.
    #[error(
        "{} is the cursor of the ledger {found}, not of this one: restore it, or remove it, which \
         exports everything of this one",
        path.display()
    )]
    Another {
        /// The file.
        path: PathBuf,
        /// The verifier key of the ledger that it is of.
        found: String,
    },
}

/// What the file holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Places {
    version: u32,
    /// The ledger's verifier key.
    ledger: String,
    /// The index to be exported next, by zone.
    next: BTreeMap<String, u64>,
}

/// A cursor file that may be another process's.
pub(super) struct CursorFile {
    path: PathBuf,
    ledger: String,
}

/// It is this process's, until it is dropped.
pub(super) struct Cursor {
    path: PathBuf,
    places: Places,
    _lock: File,
}

impl CursorFile {
    pub(super) const fn new(path: PathBuf, ledger: String) -> Self {
        Self { path, ledger }
    }

    /// Whether it could be used.
    pub(super) fn check(&self) -> Result<(), ExportCursorError> {
        self.read().map(|_| ())
    }

    /// Takes it; `None` while another process has it. Blocks on files.
    pub(super) fn take(&self) -> Result<Option<Cursor>, ExportCursorError> {
        let lock = self.path.with_extension("lock");
        let opened = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&lock);
        let opened = opened.map_err(failed(&lock))?;
        match opened.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(source)) => return Err(failed(&lock)(source)),
        }
        // Read with the lock: whoever had it before may have moved it.
        Ok(Some(Cursor {
            path: self.path.clone(),
            places: self.read()?,
            _lock: opened,
        }))
    }

    fn read(&self) -> Result<Places, ExportCursorError> {
        let path = &self.path;
        let text = match std::fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(Places {
                    version: VERSION,
                    ledger: self.ledger.clone(),
                    next: BTreeMap::new(),
                });
            }
            Err(source) => return Err(failed(path)(source)),
        };
        let damaged = |source| ExportCursorError::Damaged {
            path: path.clone(),
            source,
        };
        let places: Places = serde_json::from_slice(&text).map_err(damaged)?;
        if places.version != VERSION {
            let text = format!("version {} is not known", places.version);
            return Err(damaged(serde::de::Error::custom(text)));
        }
        if places.ledger != self.ledger {
            return Err(ExportCursorError::Another {
                path: path.clone(),
                found: places.ledger,
            });
        }
        Ok(places)
    }
}

impl Cursor {
    /// The index of the zone's log that is exported next.
    pub(super) fn next(&self, zone: &str) -> u64 {
        self.places.next.get(zone).copied().unwrap_or(0)
    }

    /// Moves on, durably.
    pub(super) async fn advance(&mut self, zone: &str, next: u64) -> Result<(), ExportCursorError> {
        self.places.next.insert(zone.to_owned(), next);
        let places = self.places.clone();
        let path = self.path.clone();
        let written = tokio::task::spawn_blocking(move || write(&path, &places)).await;
        let written = written.unwrap_or_else(|_| Err(ErrorKind::Interrupted.into()));
        written.map_err(failed(&self.path))
    }
}

fn failed(path: &Path) -> impl Fn(std::io::Error) -> ExportCursorError + use<> {
    let path = path.to_owned();
    move |source| ExportCursorError::File {
        path: path.clone(),
        source,
    }
}

/// Beside it, then in its place: a file that was cut short would be a ledger exported again.
fn write(path: &Path, places: &Places) -> std::io::Result<()> {
    let text = serde_json::to_vec(places)?;
    let beside = path.with_extension("new");
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(&beside)?;
    file.write_all(&text)?;
    file.sync_all()?;
    std::fs::rename(&beside, path)?;
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_cursor_is_where_it_was_left_and_one_process_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = CursorFile::new(folder.path().join("c.json"), "key".to_owned());
        let mut first = file.take().unwrap().unwrap();
        assert_eq!(first.next("a"), 0);
        first.advance("a", 7).await.unwrap();
        assert!(file.take().unwrap().is_none());
        drop(first);
        let second = file.take().unwrap().unwrap();
        assert_eq!((second.next("a"), second.next("b")), (7, 0));
    }

    #[test]
    fn what_is_damaged_or_of_another_ledger_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.json");
        let file = CursorFile::new(path.clone(), "key".to_owned());
        for (text, said) in [
            ("", "no cursor of a log export"),
            (
                r#"{"version":2,"ledger":"key","next":{}}"#,
                "no cursor of a log export",
            ),
            (
                r#"{"version":1,"ledger":"key","next":{"a":-1}}"#,
                "no cursor of a log export",
            ),
            (
                r#"{"version":1,"ledger":"other","next":{}}"#,
                "of the ledger other, not of this one",
            ),
        ] {
            std::fs::write(&path, text).unwrap();
            for refused in [file.check().unwrap_err(), file.take().err().unwrap()] {
                assert!(refused.to_string().contains(said), "{text}: {refused}");
            }
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }
}
