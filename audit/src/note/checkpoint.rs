//! What is signed: origin, size and root of a log (C2SP tlog-checkpoint, "Format").

use super::NoteError;
use crate::merkle::Hash;

/// The state of one log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Name of the log.
    pub origin: String,
    /// Number of its entries.
    pub size: u64,
    /// Root of its tree.
    pub root: Hash,
}

/// Why a note is not the checkpoint that it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The envelope does not hold.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The text is not origin, size and root.
    #[error("not a checkpoint: {0}")]
    Malformed(&'static str),
    /// It is about another log.
    #[error("the checkpoint is for the log {0:?}")]
    Origin(String),
}

impl Checkpoint {
    /// The text that is signed.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!(
            "{}\n{}\n{}\n",
            self.origin,
            self.size,
            self.root.to_base64()
        )
    }

    /// Reads the text. Extension lines are allowed and ignored; we write none.
    pub fn from_text(text: &str) -> Result<Self, CheckpointError> {
        let lines = text
            .strip_suffix('\n')
            .ok_or(CheckpointError::Malformed("the last line has no end"))?;
        let mut lines = lines.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next())
        else {
            return Err(CheckpointError::Malformed("it has fewer than three lines"));
        };
        if origin.is_empty() || lines.any(str::is_empty) {
            return Err(CheckpointError::Malformed("it has an empty line"));
        }
        let size = parse_size(size).ok_or(CheckpointError::Malformed("the size is no number"))?;
        let root =
            Hash::from_base64(root).ok_or(CheckpointError::Malformed("the root is no hash"))?;
        Ok(Self {
            origin: origin.to_owned(),
            size,
            root,
        })
    }
}

/// ASCII decimal without leading zeros or signs; `u64::from_str` alone would take `+1` and `01`.
pub(crate) fn parse_size(text: &str) -> Option<u64> {
    let plain = text == "0" || (!text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit()));
    if plain { text.parse().ok() } else { None }
}
