//! Reading the form ("Format").

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{HEADER, TlogProof};
use crate::merkle::Hash;
use crate::note::{Checkpoint, CheckpointError, MAX_NOTE_BYTES, Note, parse_size};

/// Most hashes of an inclusion proof: as many as a tree of 2^64 - 1 leaves needs.
const MAX_HASHES: usize = 64;
/// Longest file that is read: the longest checkpoint, a whole proof, and the longest entry of a log as
/// extra data.
pub const MAX_PROOF_BYTES: usize = MAX_NOTE_BYTES + 4 * 1024 + 96 * 1024;

/// Why a text is no proof.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlogProofError {
    /// More than [`MAX_PROOF_BYTES`].
    #[error("it is longer than any proof")]
    TooLong,
    /// Another format, or another version of it.
    #[error("its first line is not {HEADER}")]
    Header,
    /// Not strict base64, or nothing.
    #[error("its extra data is not base64")]
    Extra,
    /// Not `index`, a space and a decimal number.
    #[error("it has no line with the index of the entry")]
    Index,
    /// A line before the empty one is no hash.
    #[error("line {0} of the inclusion proof is not a hash")]
    Hash(usize),
    /// More hashes than any tree has levels.
    #[error("its inclusion proof has more than {MAX_HASHES} hashes")]
    LongProof,
    /// No empty line after the hashes.
    #[error("it has no checkpoint")]
    NoCheckpoint,
    /// What follows is no checkpoint.
    #[error("what follows its inclusion proof is not a checkpoint")]
    Checkpoint(#[from] CheckpointError),
}

pub(super) fn parse(text: &str) -> Result<TlogProof, TlogProofError> {
    if text.len() > MAX_PROOF_BYTES {
        return Err(TlogProofError::TooLong);
    }
    let (header, mut rest) = line(text).ok_or(TlogProofError::Header)?;
    if header != HEADER {
        return Err(TlogProofError::Header);
    }
    let mut extra = None;
    if let Some((data, after)) = labelled(rest, "extra ") {
        let bytes = STANDARD.decode(data).ok();
        // "If no extra data is present, this line is omitted."
        let bytes = bytes.filter(|bytes| !bytes.is_empty());
        extra = Some(bytes.ok_or(TlogProofError::Extra)?);
        rest = after;
    }
    let (index, mut rest) = labelled(rest, "index ").ok_or(TlogProofError::Index)?;
    let index = parse_size(index).ok_or(TlogProofError::Index)?;
    let mut hashes = Vec::new();
    let note = loop {
        let (hash, after) = line(rest).ok_or(TlogProofError::NoCheckpoint)?;
        if hash.is_empty() {
            break after;
        }
        if hashes.len() >= MAX_HASHES {
            return Err(TlogProofError::LongProof);
        }
        let number = hashes.len().saturating_add(1);
        hashes.push(Hash::from_base64(hash).ok_or(TlogProofError::Hash(number))?);
        rest = after;
    };
    let signed = Note::parse(note).map_err(CheckpointError::Note)?;
    Ok(TlogProof {
        extra,
        index,
        hashes,
        checkpoint: Checkpoint::from_text(signed.text())?,
        note: note.to_owned(),
    })
}

/// A line without its end, and what follows it.
fn line(text: &str) -> Option<(&str, &str)> {
    text.split_once('\n')
}

/// The same of a line that begins so, without its beginning.
fn labelled<'a>(text: &'a str, label: &str) -> Option<(&'a str, &'a str)> {
    line(text.strip_prefix(label)?)
}
