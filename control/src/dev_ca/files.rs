//! The authority's files.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::DevCaError;

pub(super) fn directory(path: &Path) -> Result<(), DevCaError> {
    fs::create_dir_all(path).map_err(|error| DevCaError::File(path.to_owned(), error))
}

pub(super) fn read(path: &Path) -> Result<String, DevCaError> {
    fs::read_to_string(path).map_err(|error| DevCaError::File(path.to_owned(), error))
}

pub(super) fn public(path: &Path, text: &str) -> Result<(), DevCaError> {
    write(path, text, 0o644)
}

pub(super) fn private(path: &Path, text: &str) -> Result<(), DevCaError> {
    write(path, text, 0o600)
}

/// A new file in the old one's place: an old file would keep its own mode.
fn write(path: &Path, text: &str, mode: u32) -> Result<(), DevCaError> {
    let error = |error| DevCaError::File(path.to_owned(), error);
    let temporary = path.with_extension("new");
    match fs::remove_file(&temporary) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => return Err(error(cause)),
        _ => {}
    }
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&temporary)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| fs::rename(&temporary, path))
        .map_err(error)
}
