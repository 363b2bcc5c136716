//! The body of `add-checkpoint`: an old size, a proof, an empty line, a checkpoint.

use std::fmt::Write as _;

use crate::merkle::Hash;
use crate::note::{MAX_NOTE_BYTES, parse_size};

/// Most hashes of a consistency proof: as many as a tree of 2^63 leaves needs.
const MAX_PROOF: usize = 63;
/// Longest body that is read: the longest checkpoint, and a whole proof before it.
pub const MAX_REQUEST_BYTES: usize = MAX_NOTE_BYTES + 4 * 1024;

/// A request whose form is right. Its checkpoint is not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint<'a> {
    /// Size of the tree that the witness cosigned last, as the log knows it; 0 for none.
    pub old: u64,
    /// Proves that that tree is a prefix of the new one.
    pub proof: Vec<Hash>,
    /// The checkpoint, a signed note.
    pub note: &'a str,
}

/// Why a body is no request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// More than [`MAX_REQUEST_BYTES`].
    #[error("the request is too long")]
    TooLong,
    /// Not UTF-8, or without an empty line.
    #[error("the request is not an old size, a proof, an empty line and a checkpoint")]
    Form,
    /// The first line is not `old`, a space and a size.
    #[error("the first line is not the old size")]
    OldSize,
    /// More than 63 lines of proof.
    #[error("the proof has more than {MAX_PROOF} lines")]
    LongProof,
    /// A line of the proof is no hash.
    #[error("a line of the proof is no hash")]
    ProofLine,
    /// What follows the empty line is no checkpoint.
    #[error("what follows the proof is not a checkpoint")]
    Checkpoint,
}

impl<'a> AddCheckpoint<'a> {
    /// Reads a body. There is one spelling of each request.
    pub fn parse(body: &'a [u8]) -> Result<Self, RequestError> {
        if body.len() > MAX_REQUEST_BYTES {
            return Err(RequestError::TooLong);
        }
        let body = std::str::from_utf8(body).map_err(|_| RequestError::Form)?;
        // The first empty line: no line before it is empty, and the checkpoint has one of its own.
        let (head, note) = body.split_once("\n\n").ok_or(RequestError::Form)?;
        let mut lines = head.split('\n');
        let old = lines
            .next()
            .and_then(|line| line.strip_prefix("old "))
            .and_then(parse_size)
            .ok_or(RequestError::OldSize)?;
        let mut proof = Vec::new();
        for line in lines {
            if proof.len() >= MAX_PROOF {
                return Err(RequestError::LongProof);
            }
            proof.push(Hash::from_base64(line).ok_or(RequestError::ProofLine)?);
        }
        Ok(Self { old, proof, note })
    }

    /// The body of the request.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut body = format!("old {}\n", self.old);
        for hash in &self.proof {
            // Writing to a string does not fail.
            let _written = writeln!(body, "{}", hash.to_base64());
        }
        body.push('\n');
        body.push_str(self.note);
        body
    }
}
