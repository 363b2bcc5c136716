//! Proofs out of the database, by the code that makes them from published tiles ([`TiledTree`]).
//!
//! They are about a published checkpoint and nothing else: what is not covered by one yet has no proof.
//! Nothing that is stored is trusted; a proof is given out only when it leads to the signed root.
//!
//! What one costs does not depend on the length of the log, but on the number of its levels: a tile for
//! each level on the way to the entry, and one for each on the right edge. A tile of level 0 is 256
//! consecutive leaf hashes, one of a level above 256 rows of `tile_hashes`, each read in one statement.
//! Tiles never change, and those of proofs that held are kept ([`TileCache`]). So at a million entries a
//! cold proof reads six tiles, and a warm one the 256 leaf hashes beside its entry.
//!
//! Where rows of `tile_hashes` are missing, as in a log that was begun before there were any, they are
//! computed from the leaf hashes. The first proof then reads all of them, and those after it find the
//! levels above kept.

mod cache;
mod error;
mod tiles;

use sqlx::Row as _;

pub(super) use cache::TileCache;
pub use error::NoProof;
use tiles::DatabaseTiles;

use super::Ledger;
use super::read::ReadError;
use super::state::{signed, unsigned};
use crate::merkle::{Hash, ProofError};
use crate::note::{Checkpoint, CheckpointError};
use crate::tiles::{Inclusion, Prefix, TiledTree};
use crate::tlog_proof::TlogProof;
use crate::witness::AddCheckpoint;

/// Proof that one published checkpoint continues another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consistency {
    /// Entries that the older checkpoint covers.
    pub older: u64,
    /// Root of its tree, as it was signed.
    pub older_root: Hash,
    /// What leads from it to the newer one (RFC 9162 §2.1.4).
    pub proof: Vec<Hash>,
    /// The newer checkpoint, a note.
    pub checkpoint: String,
}

impl Consistency {
    /// The text of C2SP tlog-witness, "add-checkpoint": any witness that has seen the older checkpoint
    /// takes it as it is.
    #[must_use]
    pub fn to_text(&self) -> String {
        let request = AddCheckpoint {
            old: self.older,
            proof: self.proof.clone(),
            note: &self.checkpoint,
        };
        request.to_text()
    }
}

/// A published checkpoint.
struct Published {
    note: String,
    checkpoint: Checkpoint,
}

impl Ledger {
    /// Proves that the entry at `index` of a zone's log is in the tree of a published checkpoint: of the
    /// newest, or of the one for `size` entries.
    pub async fn inclusion(
        &self,
        zone: &str,
        index: u64,
        size: Option<u64>,
    ) -> Result<TlogProof, NoProof> {
        Ok(self.prove(zone, index, size).await?.0)
    }

    /// The same with the entry itself as extra data: all that somebody needs who has the key.
    pub async fn receipt(
        &self,
        zone: &str,
        index: u64,
        size: Option<u64>,
    ) -> Result<TlogProof, NoProof> {
        let (proof, leaf) = self.prove(zone, index, size).await?;
        let entry = self.body(zone, index).await?;
        let entry = entry.filter(|entry| Hash::leaf(entry) == leaf);
        Ok(proof.with_extra(entry.ok_or(NoProof::Entry { index })?))
    }

    /// Proves that the published checkpoint for `older` entries is continued by the one for `newer`, or
    /// by the newest.
    pub async fn consistency(
        &self,
        zone: &str,
        older: u64,
        newer: Option<u64>,
    ) -> Result<Consistency, NoProof> {
        let Published { note, checkpoint } = self.published(zone, newer).await?;
        let newer = checkpoint.size;
        if older > newer {
            return Err(NoProof::Order { older, newer });
        }
        // Any that was signed: witnesses may have been turned on later.
        let before: Option<String> =
            sqlx::query_scalar("SELECT note FROM checkpoints WHERE zone = $1 AND size = $2")
                .bind(zone.to_owned())
                .bind(signed(older))
                .fetch_optional(&self.readers)
                .await?;
        let before = before.ok_or(NoProof::NoCheckpoint { size: older })?;
        let before = self.opened(zone, &before)?;
        let tiles = DatabaseTiles::new(self, zone);
        let Prefix { root, proof } = TiledTree::new(&tiles, &checkpoint)
            .prefix(older)
            .await
            .map_err(|error| NoProof::damaged(zone, error))?;
        if (older, root) != (before.size, before.root) {
            return Err(NoProof::damaged(zone, ProofError::Root.into()));
        }
        tiles.keep();
        Ok(Consistency {
            older,
            older_root: root,
            proof,
            checkpoint: note,
        })
    }

    /// The bytes of an entry, whose hash is its leaf; `None` where the log has none at that index.
    pub async fn entry(&self, zone: &str, index: u64) -> Result<Option<Vec<u8>>, ReadError> {
        Ok(self.body(zone, index).await?)
    }

    async fn prove(
        &self,
        zone: &str,
        index: u64,
        size: Option<u64>,
    ) -> Result<(TlogProof, Hash), NoProof> {
        let published = self.published(zone, size).await;
        let Published { note, checkpoint } = match published {
            // That there is no such entry is more to the point.
            Err(NoProof::Unpublished { .. }) if index >= self.size(zone).await? => {
                let size = self.size(zone).await?;
                return Err(NoProof::NoEntry { index, size });
            }
            published => published?,
        };
        if index >= checkpoint.size {
            let size = self.size(zone).await?;
            let covered = checkpoint.size;
            return Err(if index < size {
                NoProof::NotCovered { index, covered }
            } else {
                NoProof::NoEntry { index, size }
            });
        }
        let tiles = DatabaseTiles::new(self, zone);
        let Inclusion { leaf, proof } = TiledTree::new(&tiles, &checkpoint)
            .inclusion(index)
            .await
            .map_err(|error| NoProof::damaged(zone, error))?;
        tiles.keep();
        Ok((TlogProof::of(index, proof, note, checkpoint), leaf))
    }

    async fn published(&self, zone: &str, size: Option<u64>) -> Result<Published, NoProof> {
        let note = match size {
            None => self
                .checkpoint(zone)
                .await
                .map_err(|ReadError(error)| error),
            Some(size) => self.checkpoint_at(zone, size).await,
        };
        let note = note?.ok_or_else(|| match size {
            None => NoProof::Unpublished {
                zone: zone.to_owned(),
            },
            Some(size) => NoProof::NoCheckpoint { size },
        })?;
        let checkpoint = self.opened(zone, &note)?;
        match size {
            Some(size) if size != checkpoint.size => Err(NoProof::NoCheckpoint { size }),
            _ => Ok(Published { note, checkpoint }),
        }
    }

    fn opened(&self, zone: &str, note: &str) -> Result<Checkpoint, CheckpointError> {
        self.verifier.for_zone(zone).open_checkpoint(note)
    }

    async fn checkpoint_at(&self, zone: &str, size: u64) -> Result<Option<String>, sqlx::Error> {
        let query = match &self.witnessed {
            None => {
                sqlx::query_scalar("SELECT note FROM checkpoints WHERE zone = $1 AND size = $2")
                    .bind(zone.to_owned())
                    .bind(signed(size))
            }
            Some(witnessed) => sqlx::query_scalar(
                "SELECT note FROM witnessed WHERE zone = $1 AND size = $2 AND quorum >= $3 \
                 ORDER BY quorum DESC LIMIT 1",
            )
            .bind(zone.to_owned())
            .bind(signed(size))
            .bind(witnessed.rule().least()),
        };
        query.fetch_optional(&self.readers).await
    }

    /// Entries of a zone's log, signed or not.
    pub(super) async fn size(&self, zone: &str) -> Result<u64, sqlx::Error> {
        let row = sqlx::query("SELECT size FROM log_state WHERE zone = $1")
            .bind(zone.to_owned())
            .fetch_optional(&self.readers)
            .await?;
        row.map_or(Ok(0), |row| unsigned(&row, "size"))
    }

    async fn body(&self, zone: &str, index: u64) -> Result<Option<Vec<u8>>, sqlx::Error> {
        let row = sqlx::query("SELECT body FROM log_entries WHERE zone = $1 AND idx = $2")
            .bind(zone.to_owned())
            .bind(signed(index))
            .fetch_optional(&self.readers)
            .await?;
        row.map(|row| row.try_get("body")).transpose()
    }
}
