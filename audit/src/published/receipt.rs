//! A proof for others, from published files alone.

use super::{PublishedLog, ReadFileError};
use crate::tiles::{EntryBundle, Kind, TILE_WIDTH, TiledTree, TreeError, grown};
use crate::tlog_proof::{InclusionError, TlogProof};
use crate::trust::{LogTrust, TrustError};

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    /// A file could not be read.
    #[error(transparent)]
    Read(#[from] ReadFileError),
    /// There is no checkpoint there.
    #[error("no log is published at {0}")]
    Unpublished(String),
    /// The checkpoint is not believed.
    #[error("the published checkpoint is not believed")]
    Trust(#[from] TrustError),
    /// The published tree does not reach so far: it may, soon.
    #[error("entry {index} is not published: the checkpoint covers {covered} entries")]
    NotCovered {
        /// The entry.
        index: u64,
        /// Entries of the checkpoint.
        covered: u64,
    },
    /// The tiles do not lead to the checkpoint.
    #[error("the published tiles prove nothing")]
    Tree(#[source] TreeError<ReadFileError>),
    /// The entry is missing, or is not the one whose hash is in the tile.
    #[error("the published bytes of entry {0} are not what was signed, or are missing")]
    Entry(u64),
}

impl PublishedLog {
    /// Proves that the entry at `index` is in the published tree, with the entry as extra data. What is
    /// given out has been verified.
    pub async fn receipt(&self, index: u64, trust: &LogTrust) -> Result<TlogProof, ReceiptError> {
        let note = self.checkpoint().await?;
        let note = note.ok_or_else(|| ReceiptError::Unpublished(self.place()))?;
        let checkpoint = trust.open(&note)?.checkpoint;
        let covered = checkpoint.size;
        if index >= covered {
            return Err(ReceiptError::NotCovered { index, covered });
        }
        let tree = TiledTree::new(self, &checkpoint);
        let inclusion = tree.inclusion(index).await.map_err(|error| match error {
            TreeError::Read { path: _, source } => source.into(),
            error => ReceiptError::Tree(error),
        })?;
        let entry = self.entry(index, covered).await?;
        let entry = entry.ok_or(ReceiptError::Entry(index))?;
        let proof = TlogProof::of(index, inclusion.proof, note, checkpoint);
        let proof = proof.with_extra(entry.clone());
        proof.verify(&entry, trust).map_err(|error| match error {
            InclusionError::Trust(error) => error.into(),
            InclusionError::Proof { .. } => ReceiptError::Entry(index),
        })?;
        Ok(proof)
    }

    async fn entry(&self, index: u64, size: u64) -> Result<Option<Vec<u8>>, ReadFileError> {
        let Some(path) = grown(Kind::Entries, index, size).next() else {
            return Ok(None);
        };
        let Some((bytes, file)) = self.of_tree(path).await? else {
            return Ok(None);
        };
        let Ok(bundle) = EntryBundle::from_bytes(&bytes, file.width()) else {
            return Ok(None);
        };
        let at = usize::try_from(index % TILE_WIDTH).unwrap_or(usize::MAX);
        Ok(bundle.entries().get(at).map(|entry| entry.to_vec()))
    }
}
