//! What the files of an export are called.

use serde::{Deserialize, Serialize};

pub(crate) const MANIFEST: &str = "manifest.json";
pub(crate) const CHECKPOINT: &str = "checkpoint";
pub(crate) const CHECKPOINTS: &str = "checkpoints.jsonl";
pub(crate) const FRONTIER: &str = "frontier";

/// What the entries are written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// One leaf a line, and nothing else: `entries.jsonl`.
    Jsonl,
    /// Columns for analysis, with the leaf beside them: `entries.parquet`.
    Parquet,
    /// Events of the Open Cybersecurity Schema Framework, with the leaf in each: `events.ocsf.jsonl`.
    Ocsf,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 3] = [Self::Jsonl, Self::Parquet, Self::Ocsf];

    /// The file that holds the entries of a zone.
    #[must_use]
    pub const fn file(self) -> &'static str {
        match self {
            Self::Jsonl => "entries.jsonl",
            Self::Parquet => "entries.parquet",
            Self::Ocsf => "events.ocsf.jsonl",
        }
    }
}
