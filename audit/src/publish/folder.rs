//! A folder that any web server can serve as it is.

use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use caracal_mandate::name::Name;
use tempfile::{Builder, NamedTempFile};

use super::store::{
    CHECKPOINT, MAX_CHECKPOINT_BYTES, Mark, PublishedCheckpoint, StoreError, TileStore,
};
use crate::tiles::{TilePath, TileReader};

/// Whatever the umask is: the server that reads may be another user.
const FILE_MODE: u32 = 0o644;
const FOLDER_MODE: u32 = 0o755;
/// Held while the checkpoint is replaced, by every publisher on this machine.
const LOCK: &str = ".publisher.lock";

/// The files of one log in a folder.
#[derive(Debug, Clone)]
pub struct FolderStore {
    root: PathBuf,
}

impl FolderStore {
    /// The folder of a zone's log: one below `root`, with the zone's name. Both are made when they are
    /// not there.
    pub async fn open(root: &Path, zone: &Name) -> Result<Self, StoreError> {
        let folder = root.join(zone.as_str());
        let store = Self { root: folder };
        let shown = store.root.display().to_string();
        store
            .blocking(shown, |root| {
                make_folders(root)?;
                sync_up_to(root, root)?;
                root.parent().map_or(Ok(()), sync)
            })
            .await?;
        Ok(store)
    }

    /// Runs file operations where they may block. `name` is for the error.
    async fn blocking<T: Send + 'static>(
        &self,
        name: String,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let root = self.root.clone();
        let done = tokio::task::spawn_blocking(move || work(&root)).await;
        done.map_err(io::Error::other)
            .flatten()
            .map_err(|error| StoreError::io(&name, error))
    }
}

impl TileReader for FolderStore {
    type Error = StoreError;

    async fn read(&self, path: TilePath) -> Result<Option<Vec<u8>>, StoreError> {
        let most = path.max_bytes();
        let read = move |root: &Path| read(&root.join(path.to_string()), most);
        match self.blocking(path.to_string(), read).await? {
            Some(bytes) if bytes.len() > most => Err(StoreError::Foreign(path.to_string())),
            found => Ok(found),
        }
    }
}

impl TileStore for FolderStore {
    async fn put(&self, path: TilePath, bytes: Vec<u8>) -> Result<(), StoreError> {
        let put = move |root: &Path| put(root, &root.join(path.to_string()), &bytes);
        if self.blocking(path.to_string(), put).await? {
            Ok(())
        } else {
            Err(StoreError::Occupied(path))
        }
    }

    async fn checkpoint(&self) -> Result<Option<PublishedCheckpoint>, StoreError> {
        let read = |root: &Path| read(&root.join(CHECKPOINT), MAX_CHECKPOINT_BYTES);
        let Some(bytes) = self.blocking(CHECKPOINT.to_owned(), read).await? else {
            return Ok(None);
        };
        let note = String::from_utf8(bytes).ok();
        let note = note.filter(|note| note.len() <= MAX_CHECKPOINT_BYTES);
        let note = note.ok_or_else(|| StoreError::Foreign(CHECKPOINT.to_owned()))?;
        let mark = Mark(note.clone());
        Ok(Some(PublishedCheckpoint { note, mark }))
    }

    async fn put_checkpoint(&self, note: &str, replaces: Option<Mark>) -> Result<(), StoreError> {
        let note = note.to_owned();
        let put = move |root: &Path| {
            let lock = File::options()
                .create(true)
                .write(true)
                .truncate(false)
                .open(root.join(LOCK))?;
            // Until the file is closed.
            lock.lock()?;
            let target = root.join(CHECKPOINT);
            let there = read(&target, MAX_CHECKPOINT_BYTES)?;
            if there.as_deref() != replaces.as_ref().map(|Mark(note)| note.as_bytes()) {
                return Ok(false);
            }
            let written = write_beside(root, note.as_bytes())?;
            written.persist(&target).map_err(|error| error.error)?;
            sync(root)?;
            Ok(true)
        };
        if self.blocking(CHECKPOINT.to_owned(), put).await? {
            Ok(())
        } else {
            Err(StoreError::Replaced)
        }
    }
}

/// One byte more than `most`, where there are so many.
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

/// Whether the file has these bytes now. It is never replaced.
fn put(root: &Path, target: &Path, bytes: &[u8]) -> io::Result<bool> {
    let folder = target.parent().unwrap_or(root);
    if !target.try_exists()? {
        make_folders(folder)?;
        match write_beside(folder, bytes)?.persist_noclobber(target) {
            Ok(_) => {
                sync_up_to(folder, root)?;
                return Ok(true);
            }
            // Another publisher was faster.
            Err(error) if error.error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error.error),
        }
    }
    let same = read(target, bytes.len())?.as_deref() == Some(bytes);
    // Whoever wrote it may have been killed before its name was durable.
    sync_up_to(folder, root)?;
    Ok(same)
}

/// A durable file without a name that anybody looks for. It goes with the value.
fn write_beside(folder: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let mut file = Builder::new().prefix(".new-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file()
        .set_permissions(Permissions::from_mode(FILE_MODE))?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// Makes a folder and those above it that are not there.
fn make_folders(folder: &Path) -> io::Result<()> {
    match fs::create_dir(folder) {
        Ok(()) => fs::set_permissions(folder, Permissions::from_mode(FOLDER_MODE)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let above = folder.parent().ok_or(error)?;
            make_folders(above)?;
            make_folders(folder)
        }
        Err(error) => Err(error),
    }
}

/// Makes the names in these folders durable. One that has not changed costs next to nothing.
fn sync_up_to(folder: &Path, root: &Path) -> io::Result<()> {
    for folder in folder.ancestors() {
        sync(folder)?;
        if folder == root {
            break;
        }
    }
    Ok(())
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
