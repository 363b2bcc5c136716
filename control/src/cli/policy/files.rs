//! Files of Rego and JSON.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use caracal_sts::policy::SourceFile;

use super::super::error::CliError;

/// The text of a file; `-` is standard input.
pub(super) fn read(path: &Path) -> Result<String, CliError> {
    let read = if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(path)
    };
    read.map_err(|error| CliError::Usage(format!("{} cannot be read: {error}", path.display())))
}

/// The files, and every `.rego` below the directories, in order.
pub(super) fn gather(paths: &[PathBuf]) -> Result<Vec<SourceFile>, CliError> {
    let mut found = Vec::new();
    for path in paths {
        walk(path, &mut found)?;
    }
    found.sort();
    found.dedup();
    found
        .iter()
        .map(|path| {
            Ok(SourceFile {
                name: path.display().to_string(),
                source: read(path)?,
            })
        })
        .collect()
}

fn walk(path: &Path, found: &mut Vec<PathBuf>) -> Result<(), CliError> {
    if !path.is_dir() {
        found.push(path.to_owned());
        return Ok(());
    }
    let unreadable = |error| CliError::Usage(format!("{} cannot be read: {error}", path.display()));
    for entry in std::fs::read_dir(path).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let is_rego = path
            .extension()
            .is_some_and(|extension| extension == "rego");
        if path.is_dir() || is_rego {
            walk(&path, found)?;
        }
    }
    Ok(())
}
