//! What an export says about itself: for people and for finding one's way. The verifier believes none
//! of it.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::ExportError;
use super::folder::write_file;
use super::layout::{Format, MANIFEST};

/// Version of the layout that is written.
pub const MANIFEST_VERSION: u32 = 1;

/// `manifest.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the layout of the folder.
    pub caracal_export: u32,
    /// What the entries are written as.
    pub format: Format,
    /// When it was made, Unix time in milliseconds.
    pub exported_ms: u64,
    /// The command that verifies it.
    pub verify_with: String,
    /// What is here of each zone.
    pub zones: Vec<ZoneManifest>,
    /// Zones that the ledger had, and that are not here.
    pub left_out: Vec<String>,
}

/// What is here of one zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneManifest {
    /// The zone, and the folder.
    pub zone: String,
    /// Name of its log, as it stands in checkpoints.
    pub origin: String,
    /// Index of the first entry.
    pub first: u64,
    /// Index of the last entry. The newest checkpoint is for one more.
    pub last: u64,
    /// Number of entries.
    pub entries: u64,
    /// Number of checkpoints.
    pub checkpoints: u64,
    /// Number of entries that the log had, signed or not.
    pub log_size: u64,
    /// The files, and their sizes in bytes.
    pub files: BTreeMap<String, u64>,
}

impl Manifest {
    pub(super) fn new(format: Format, exported_ms: u64) -> Self {
        Self {
            caracal_export: MANIFEST_VERSION,
            format,
            exported_ms,
            verify_with: "caracal audit verify --export . --key ledger.vkey".to_owned(),
            zones: Vec::new(),
            left_out: Vec::new(),
        }
    }

    pub(super) fn write(&self, folder: &Path) -> Result<(), ExportError> {
        let path = folder.join(MANIFEST);
        let write = |()| serde_json::to_vec_pretty(self).map(|json| [&json[..], b"\n"].concat());
        let text = write(()).map_err(|error| ExportError::write(&path)(error.into()))?;
        write_file(&path, &text)
    }
}
