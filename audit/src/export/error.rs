//! Why nothing was exported.

use std::io;
use std::path::{Path, PathBuf};

use caracal_mandate::name::NameError;

use crate::note::CheckpointError;
use crate::record::RecordError;

/// Why there is no export. What was written of it is gone again.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// There is something at the place already.
    #[error("the folder exists already; nothing was written")]
    Exists,
    /// No such ledger file.
    #[error("there is no ledger file {0:?}")]
    NoLedger(PathBuf),
    /// The database does not open.
    #[error(transparent)]
    Open(#[from] caracal_store::OpenError),
    /// Reading failed.
    #[error("the ledger cannot be read")]
    Database(#[from] sqlx::Error),
    /// A zone that was asked for has no log.
    #[error("the ledger has no zone {0:?}")]
    NoZone(String),
    /// A zone whose name no folder can have.
    #[error("a zone of the ledger cannot be a folder; name those that are to be exported")]
    ZoneName(#[source] NameError),
    /// Nothing is signed yet of what was asked for.
    #[error(
        "no signed checkpoint of zone {zone:?} covers entry {index}; the newest is for {signed} entries"
    )]
    Unsigned {
        /// The zone.
        zone: String,
        /// An entry that was asked for.
        index: u64,
        /// Entries that are signed.
        signed: u64,
    },
    /// A stored note or frontier that cannot be used.
    #[error(
        "the checkpoint of zone {zone:?} for {size} entries is damaged; `caracal audit verify` says more"
    )]
    Checkpoint {
        /// The zone.
        zone: String,
        /// Its size.
        size: u64,
        /// What is wrong with the note, if it is that.
        #[source]
        source: Option<CheckpointError>,
    },
    /// An entry is not there.
    #[error("entry {index} of zone {zone:?} is missing; `caracal audit verify` says more")]
    Missing {
        /// The zone.
        zone: String,
        /// Its index.
        index: u64,
    },
    /// A body that does not hash to its leaf.
    #[error(
        "entry {index} of zone {zone:?} was changed: its body does not hash to its leaf; `caracal audit verify` says which of them is right"
    )]
    Leaf {
        /// The zone.
        zone: String,
        /// Its index.
        index: u64,
    },
    /// A body that is no record.
    #[error("entry {index} of zone {zone:?} is no record that this build knows")]
    Record {
        /// The zone.
        zone: String,
        /// Its index.
        index: u64,
        /// Why.
        #[source]
        source: RecordError,
    },
    /// Entries that do not lead to the signed root.
    #[error(
        "the entries {first} to {last} of zone {zone:?} do not lead to their checkpoint; `caracal audit verify` says more"
    )]
    Root {
        /// The zone.
        zone: String,
        /// First entry that is in doubt.
        first: u64,
        /// Last entry that is in doubt.
        last: u64,
    },
    /// The export cannot be written.
    #[error("{} cannot be written", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl ExportError {
    pub(super) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Write { path, source }
    }
}
