//! Files that the command line names.

use std::path::Path;

use serde_json::Value;

use super::error::CliError;

/// The JSON in a file.
pub(crate) fn read_json(path: &Path) -> Result<Value, CliError> {
    let place = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| CliError::Usage(format!("{place} cannot be read: {error}")))?;
    serde_json::from_str(&text)
        .map_err(|error| CliError::Usage(format!("{place} is not JSON: {error}")))
}
