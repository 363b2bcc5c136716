//! A tile of the tree: consecutive hashes of one level.

use super::path::Width;
use crate::merkle::{Frontier, Hash};

/// Bytes of one hash in a tile.
pub(super) const HASH_BYTES: usize = 32;

/// 1 to 256 hashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HashTile(Vec<Hash>);

/// Why bytes are not a tile of that width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a tile of {width} hashes has {} bytes, not {bytes}", usize::from(*width).saturating_mul(HASH_BYTES))]
pub struct HashTileError {
    /// Width that its name claims.
    pub width: u16,
    /// Bytes that were there.
    pub bytes: usize,
}

impl HashTile {
    /// A tile of these hashes; `None` without any, or with more than 256.
    #[must_use]
    pub fn new(hashes: Vec<Hash>) -> Option<Self> {
        width_of(&hashes)?;
        Some(Self(hashes))
    }

    /// Reads a file of exactly that width.
    pub fn from_bytes(bytes: &[u8], width: Width) -> Result<Self, HashTileError> {
        let (chunks, rest) = bytes.as_chunks::<HASH_BYTES>();
        if rest.is_empty() && chunks.len() == width.as_usize() {
            Ok(Self(chunks.iter().copied().map(Hash).collect()))
        } else {
            Err(HashTileError {
                width: width.get(),
                bytes: bytes.len(),
            })
        }
    }

    /// The file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|hash| hash.0).collect()
    }

    /// The hashes, from the left.
    #[must_use]
    pub fn hashes(&self) -> &[Hash] {
        &self.0
    }

    /// How many there are.
    #[must_use]
    pub fn width(&self) -> Width {
        // The constructors see to it that there is one.
        width_of(&self.0).unwrap_or(Width::FULL)
    }

    /// The first hashes alone; `None` where there are not so many.
    #[must_use]
    pub fn prefix(&self, width: Width) -> Option<Self> {
        let hashes = self.0.get(..width.as_usize())?;
        Some(Self(hashes.to_vec()))
    }

    /// Root of the tree over all hashes: what a full tile is in the level above.
    #[must_use]
    pub fn root(&self) -> Hash {
        root(&self.0)
    }
}

fn width_of(hashes: &[Hash]) -> Option<Width> {
    Width::new(u16::try_from(hashes.len()).ok()?)
}

fn root(hashes: &[Hash]) -> Hash {
    let mut frontier = Frontier::new();
    for hash in hashes {
        frontier.append(*hash);
    }
    frontier.root()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::reference;

    #[test]
    fn a_full_tile_has_8192_bytes_and_its_root_is_that_of_its_leaves() {
        let leaves = reference::leaves(256);
        let tile = HashTile::new(leaves.clone()).unwrap();
        let bytes = tile.to_bytes();
        assert_eq!(bytes.len(), 8192);
        assert_eq!(HashTile::from_bytes(&bytes, Width::FULL), Ok(tile.clone()));
        assert_eq!(tile.root(), reference::root(&leaves));
    }

    #[test]
    fn a_file_of_another_length_is_refused() {
        let three = Width::new(3).unwrap();
        let bytes = HashTile::new(reference::leaves(3)).unwrap().to_bytes();
        assert!(HashTile::from_bytes(&bytes, three).is_ok());
        for (bytes, width) in [
            (&bytes[..95], three),
            (&bytes[..64], three),
            (&[bytes.as_slice(), &[0]].concat()[..], three),
            (&bytes[..], Width::FULL),
            (&[], three),
        ] {
            let error = HashTile::from_bytes(bytes, width).unwrap_err();
            assert_eq!((error.width, error.bytes), (width.get(), bytes.len()));
        }
    }

    #[test]
    fn there_is_no_tile_without_hashes_and_none_with_more_than_256() {
        assert_eq!(HashTile::new(Vec::new()), None);
        assert_eq!(HashTile::new(reference::leaves(257)), None);
    }
}
