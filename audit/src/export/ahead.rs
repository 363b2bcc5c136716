//! The stored checkpoints of a zone, a few at a time.

use std::collections::VecDeque;

use sqlx::AnyConnection;

use super::error::ExportError;
use super::snapshot::{self, Stored};
use crate::note::{Checkpoint, Note};

/// The checkpoints that are still ahead, read a few at a time.
pub(super) struct Ahead<'a> {
    zone: &'a str,
    read: u64,
    end: u64,
    stored: VecDeque<Stored>,
}

impl<'a> Ahead<'a> {
    pub(super) fn new(zone: &'a str, first: u64, end: u64) -> Self {
        Self {
            zone,
            read: first,
            end,
            stored: VecDeque::new(),
        }
    }

    async fn fill(&mut self, connection: &mut AnyConnection) -> Result<(), ExportError> {
        if self.stored.is_empty() && self.read < self.end {
            let stored = snapshot::checkpoints(connection, self.zone, self.read, self.end).await?;
            self.stored = stored.into();
            self.read = self.stored.back().map_or(self.end, |stored| stored.size);
        }
        Ok(())
    }

    /// The checkpoint for exactly this size.
    pub(super) async fn at(
        &mut self,
        connection: &mut AnyConnection,
        size: u64,
    ) -> Result<Option<Stored>, ExportError> {
        self.fill(connection).await?;
        Ok(self.stored.pop_front_if(|stored| stored.size == size))
    }

    /// Name of the log.
    pub(super) async fn origin(
        &mut self,
        connection: &mut AnyConnection,
    ) -> Result<String, ExportError> {
        self.fill(connection).await?;
        let first = self.stored.front();
        let opened = first.map(|stored| open(self.zone, stored)).transpose()?;
        Ok(opened.map_or_else(String::new, |checkpoint| checkpoint.origin))
    }
}

/// What a note says. It is not verified here: there is no key.
pub(super) fn open(zone: &str, stored: &Stored) -> Result<Checkpoint, ExportError> {
    let read = Note::parse(&stored.note).map_err(Into::into);
    let read = read.and_then(|note| Checkpoint::from_text(note.text()));
    let damaged = |source| ExportError::Checkpoint {
        zone: zone.to_owned(),
        size: stored.size,
        source,
    };
    let checkpoint = read.map_err(|error| damaged(Some(error)))?;
    if checkpoint.size == stored.size {
        Ok(checkpoint)
    } else {
        Err(damaged(None))
    }
}
