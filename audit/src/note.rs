//! Signed notes and checkpoints in the C2SP formats `signed-note` v1.0.0 and `tlog-checkpoint` v1.0.0.

mod checkpoint;
mod key;
mod signed;

pub use checkpoint::{Checkpoint, CheckpointError};
pub use key::{CheckpointSigner, CheckpointVerifier, KeyError};
pub use signed::NoteError;

#[cfg(test)]
mod tests;
