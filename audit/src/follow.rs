//! Following a published log, as a monitor that others run: whoever keeps the newest checkpoint that they
//! saw cannot be shown another history later.
//!
//! ```text
//! published checkpoint --signature, policy--> continues the kept one? --tiles-->
//!     every new entry --hash--> tiles --> signed root --> the checkpoint is kept
//! ```
//!
//! A checkpoint is kept when all entries that it covers have been read and hash to it. What contradicts
//! the kept one is kept as evidence: two notes that the log signed and cannot both be true. That a log is
//! not reachable contradicts nothing, and is told apart ([`FollowError::is_alarm`]).

mod entries;
mod error;
mod state;

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

pub use error::{FollowError, Unfit};
use state::FollowState;
pub use state::StateError;

use crate::note::Checkpoint;
use crate::published::PublishedLog;
use crate::tiles::TiledTree;
use crate::trust::{LogTrust, TrustError};

/// Follows one log. The state folder is its own as long as it lives.
#[derive(Debug)]
pub struct Follower {
    log: Arc<PublishedLog>,
    trust: LogTrust,
    state: FollowState,
    kept: Option<Kept>,
}

/// The newest checkpoint that was found good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The note.
    pub note: String,
    /// What it says.
    pub checkpoint: Checkpoint,
    /// When it was written here, by the file system's clock.
    pub since: SystemTime,
}

/// What a look at the log has found, all being well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Followed {
    /// It has no checkpoint, and never had one.
    Unpublished,
    /// The checkpoint that was kept, or the same tree with other cosignatures.
    Unchanged,
    /// It has grown, and all new entries are good.
    Grown {
        /// Entries before.
        from: u64,
        /// Entries now.
        to: u64,
    },
}

impl Follower {
    /// Goes on from the folder `state`, which is made if there is none. Blocks on the disk.
    pub fn open(log: PublishedLog, trust: LogTrust, state: &Path) -> Result<Self, StateError> {
        let (state, kept) = FollowState::open(state, trust.key())?;
        Ok(Self {
            log: Arc::new(log),
            trust,
            state,
            kept,
        })
    }

    /// The newest checkpoint that was found good; `None` before the first.
    #[must_use]
    pub const fn kept(&self) -> Option<&Kept> {
        self.kept.as_ref()
    }

    /// Looks at the log once. `progress` hears up to which entry it has been read.
    pub async fn step(
        &mut self,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<Followed, FollowError> {
        let Some(note) = self.log.checkpoint().await? else {
            return match &self.kept {
                None => Ok(Followed::Unpublished),
                Some(kept) => Err(FollowError::Gone(kept.checkpoint.size)),
            };
        };
        // By the log's key alone at first: what it signed is evidence, whoever cosigned.
        let key = LogTrust::new(self.trust.key().clone(), None);
        let seen = key.open(&note)?.checkpoint;
        let Some(kept) = self.kept.clone() else {
            self.trust.open(&note)?;
            self.read_on(None, &seen, progress).await?;
            self.keep(note, seen.clone())?;
            return Ok(Followed::Grown {
                from: 0,
                to: seen.size,
            });
        };
        let before = &kept.checkpoint;
        if before.origin != seen.origin {
            return Err(TrustError::OtherLog {
                origin: seen.origin,
                key: before.origin.clone(),
            }
            .into());
        }
        if !agree(&self.log, before, &seen).await? {
            let evidence = self.state.evidence(&kept.note, &note)?;
            let (kept, seen) = (before.size, seen.size);
            return Err(FollowError::Fork {
                kept,
                seen,
                evidence,
            });
        }
        if seen.size < before.size {
            let evidence = self.state.evidence(&kept.note, &note)?;
            let (kept, seen) = (before.size, seen.size);
            return Err(FollowError::RolledBack {
                kept,
                seen,
                evidence,
            });
        }
        self.trust.open(&note)?;
        if seen.size == before.size {
            if note != kept.note {
                self.keep(note, seen)?;
            }
            return Ok(Followed::Unchanged);
        }
        self.read_on(Some(before), &seen, progress).await?;
        let (from, to) = (before.size, seen.size);
        self.keep(note, seen)?;
        Ok(Followed::Grown { from, to })
    }

    fn keep(&mut self, note: String, checkpoint: Checkpoint) -> Result<(), StateError> {
        self.kept = Some(self.state.keep(note, checkpoint)?);
        Ok(())
    }
}

/// Whether two checkpoints of a log, which are believed, are of one history: the smaller tree is what the
/// larger one begins with. An error where the published tiles do not tell; then it is they that were
/// changed.
pub async fn agree(
    log: &PublishedLog,
    kept: &Checkpoint,
    seen: &Checkpoint,
) -> Result<bool, FollowError> {
    let (older, newer) = if seen.size < kept.size {
        (seen, kept)
    } else {
        (kept, seen)
    };
    if older.size == newer.size {
        return Ok(older.root == newer.root);
    }
    if older.size == 0 {
        return Ok(true);
    }
    let prefix = TiledTree::new(log, newer).prefix(older.size).await;
    let prefix = prefix.map_err(|error| FollowError::tree(error, newer.size));
    match prefix {
        Ok(prefix) => Ok(prefix.root == older.root),
        // The tiles of the kept tree went with it: that it was put back is seen all the same.
        Err(FollowError::Damaged(_)) if seen.size < kept.size => Ok(true),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
