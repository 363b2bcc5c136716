//! One file of the state: a cosigned checkpoint.

use crate::merkle::Hash;
use crate::note::{Checkpoint, CosignatureVerifier, Note, Timestamp};
use crate::witness::origin_hash;

const SUFFIX: &str = ".checkpoint";

/// What was cosigned last for one log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::witness) struct Recorded {
    /// The note, with the log's signatures and the cosignature.
    pub(in crate::witness) note: String,
    /// The cosignature line, with its end.
    pub(in crate::witness) cosignature: String,
    /// When it was cosigned.
    pub(in crate::witness) time: Timestamp,
    text: String,
    size: u64,
    root: Hash,
}

impl Recorded {
    /// Reads a file, and says what is wrong with one that this witness did not write for this log.
    pub(super) fn read(
        bytes: Vec<u8>,
        of_origin: &str,
        verifier: &CosignatureVerifier,
    ) -> Result<Self, String> {
        let note = String::from_utf8(bytes).map_err(|_| "it is not text".to_owned())?;
        let parsed = Note::parse(&note).map_err(|error| error.to_string())?;
        let own = parsed
            .require(verifier)
            .map_err(|error| error.to_string())?;
        let checkpoint = Checkpoint::from_text(parsed.text()).map_err(|error| error.to_string())?;
        if origin_hash(&checkpoint.origin) != of_origin {
            return Err(format!("it is about the log {:?}", checkpoint.origin));
        }
        Ok(Self {
            cosignature: format!("{}\n", own.line),
            time: own.evidence,
            text: parsed.text().to_owned(),
            size: checkpoint.size,
            root: checkpoint.root,
            note,
        })
    }

    /// The tree that was cosigned.
    pub(in crate::witness) fn tree(&self) -> (u64, Hash) {
        (self.size, self.root)
    }

    /// Whether this very text was cosigned at this time.
    pub(in crate::witness) fn is(&self, text: &str, time: Timestamp) -> bool {
        self.text == text && self.time == time
    }
}

/// The file of a log.
pub(super) fn named(origin_hash: &str) -> String {
    format!("{origin_hash}{SUFFIX}")
}

/// The file of a log; `None` if this is not the hash of an origin.
pub(super) fn file_of(origin_hash: &str) -> Option<String> {
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    (origin_hash.len() == 64 && origin_hash.bytes().all(is_hex)).then(|| named(origin_hash))
}

/// The log of a file; `None` if it is none of ours.
pub(super) fn of_file(name: &str) -> Option<&str> {
    name.strip_suffix(SUFFIX)
}
