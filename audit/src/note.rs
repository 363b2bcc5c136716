//! Signed notes, checkpoints and cosignatures in the C2SP formats `signed-note` v1.0.0,
//! `tlog-checkpoint` v1.0.0 and `tlog-cosignature` v1.0.1 (Ed25519).

mod checkpoint;
mod cosignature;
mod key;
mod log_key;
mod signed;

pub(crate) use checkpoint::parse_size;
pub use checkpoint::{Checkpoint, CheckpointError};
pub use cosignature::{CosignatureSigner, CosignatureVerifier, Timestamp};
pub use key::KeyError;
pub use log_key::{CheckpointSigner, CheckpointVerifier};
pub(crate) use signed::MAX_NOTE_BYTES;
pub use signed::{Note, NoteError, Signature, Verifier};

#[cfg(test)]
mod tests;
