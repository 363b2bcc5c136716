//! A proof that an entry is in a log, as a file that is checked offline (C2SP tlog-proof v1).
//!
//! The file is complete: index, inclusion proof, and the checkpoint with all its signatures. Ours have
//! the entry itself as extra data as well. Extra data is not authenticated, and needs not to be: only the
//! true entry has the hash that the proof leads from.

mod parse;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::merkle::{Hash, ProofError, verify_inclusion};
use crate::note::Checkpoint;
use crate::trust::{LogTrust, TrustError, Vouched};
pub use parse::{MAX_PROOF_BYTES, TlogProofError};

/// The first line.
const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// A proof whose form is right. Nothing in it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogProof {
    extra: Option<Vec<u8>>,
    index: u64,
    hashes: Vec<Hash>,
    note: String,
    checkpoint: Checkpoint,
}

/// Why a proof does not show that an entry is in a log that is trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InclusionError {
    /// Its checkpoint is not believed.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The entry is not the one that stands there.
    #[error("the entry is not entry {index} of the log {origin:?}")]
    Proof {
        /// Where it should be.
        index: u64,
        /// The log.
        origin: String,
        /// What is wrong.
        #[source]
        source: ProofError,
    },
}

impl TlogProof {
    /// A proof that was made for a checkpoint; `note` is the one that it stands in.
    pub(crate) const fn of(
        index: u64,
        hashes: Vec<Hash>,
        note: String,
        checkpoint: Checkpoint,
    ) -> Self {
        Self {
            extra: None,
            index,
            hashes,
            note,
            checkpoint,
        }
    }

    /// Reads a file. There is one spelling of each proof.
    pub fn parse(text: &str) -> Result<Self, TlogProofError> {
        parse::parse(text)
    }

    /// The same with extra data; without any if there is none in it.
    #[must_use]
    pub fn with_extra(self, extra: Vec<u8>) -> Self {
        let extra = (!extra.is_empty()).then_some(extra);
        Self { extra, ..self }
    }

    /// The extra data: in ours the entry. Not to be believed before [`Self::verify`] did.
    #[must_use]
    pub fn extra(&self) -> Option<&[u8]> {
        self.extra.as_deref()
    }

    /// Where the entry stands in the log, from 0.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// The inclusion proof, from the leaf's sibling up (RFC 6962 §2.1.1).
    #[must_use]
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// The checkpoint as it was signed, a note.
    #[must_use]
    pub fn note(&self) -> &str {
        &self.note
    }

    /// What the checkpoint says, not verified.
    #[must_use]
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The file.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("{HEADER}\n");
        // Writing to a string does not fail.
        if let Some(extra) = &self.extra {
            let _written = writeln!(text, "extra {}", STANDARD.encode(extra));
        }
        let _written = writeln!(text, "index {}", self.index);
        for hash in &self.hashes {
            let _written = writeln!(text, "{}", hash.to_base64());
        }
        text.push('\n');
        text.push_str(&self.note);
        text
    }

    /// Checks that these bytes are the entry, and that whoever is trusted has signed the tree that it is
    /// in ("Verifying a tlog proof").
    pub fn verify(&self, entry: &[u8], trust: &LogTrust) -> Result<Vouched, InclusionError> {
        let vouched = trust.open(&self.note)?;
        let Checkpoint { origin, size, root } = &vouched.checkpoint;
        let (leaf, index) = (Hash::leaf(entry), self.index);
        verify_inclusion(leaf, index, *size, &self.hashes, *root).map_err(|source| {
            InclusionError::Proof {
                index,
                origin: origin.clone(),
                source,
            }
        })?;
        Ok(vouched)
    }
}
