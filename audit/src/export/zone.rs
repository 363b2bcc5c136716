//! One zone: its entries past its checkpoints, and what is found wrong on the way.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use caracal_mandate::name::Name;
use sqlx::AnyConnection;

use super::ahead::{Ahead, open};
use super::error::ExportError;
use super::folder::{Lines, write_file};
use super::layout::{CHECKPOINT, CHECKPOINTS, FRONTIER, Format};
use super::manifest::ZoneManifest;
use super::notes::{SignedState, frontier_text, peaks};
use super::snapshot::{self, PAGE, Stored};
use super::writer::{EntryWriter, Leaf};
use crate::merkle::{Frontier, Hash};
use crate::record::Record;
use crate::verify::Progress;

/// What is exported of a zone.
pub(super) struct Part {
    pub(super) zone: Name,
    pub(super) first: u64,
    pub(super) last: Option<u64>,
}

/// Writes the folder of one zone.
pub(super) async fn export(
    connection: &mut AnyConnection,
    part: &Part,
    format: Format,
    folder: &Path,
    progress: &mut impl FnMut(Progress),
) -> Result<ZoneManifest, ExportError> {
    let Part { zone, first, last } = part;
    let (zone, first) = (zone.as_str(), *first);
    let end = end(connection, zone, first, *last).await?;
    let before = snapshot::frontier(connection, zone, first).await?;
    let before = before.ok_or_else(|| ExportError::Checkpoint {
        zone: zone.to_owned(),
        size: first,
        source: None,
    })?;
    let folder = folder.join(zone);
    fs::create_dir(&folder).map_err(ExportError::write(&folder))?;
    if first > 0 {
        write_file(&folder.join(FRONTIER), frontier_text(&before).as_bytes())?;
    }
    let mut ahead = Ahead::new(zone, first, end);
    let origin = ahead.origin(connection).await?;
    let mut walk = Walk {
        zone,
        tree: before,
        confirmed: first,
        checkpoints: 0,
        newest: String::new(),
        states: Lines::create(folder.join(CHECKPOINTS))?,
        entries: EntryWriter::create(format, &folder, &origin)?,
    };
    while walk.tree.size() < end {
        let from = walk.tree.size();
        let rows = snapshot::entries(connection, zone, from, end.min(from.saturating_add(PAGE)));
        let rows = rows.await?;
        if rows.is_empty() {
            return Err(walk.missing());
        }
        for row in rows {
            walk.entry(&row)?;
            if let Some(stored) = ahead.at(connection, walk.tree.size()).await? {
                walk.checkpoint(stored)?;
            }
        }
        progress(Progress {
            zone: zone.to_owned(),
            checked: walk.tree.size().saturating_sub(first),
            total: end.saturating_sub(first),
        });
    }
    let checkpoints = walk.finish(&folder)?;
    Ok(ZoneManifest {
        zone: zone.to_owned(),
        origin,
        first,
        last: end.saturating_sub(1),
        entries: end.saturating_sub(first),
        checkpoints,
        log_size: snapshot::log_size(connection, zone).await?,
        files: files(&folder)?,
    })
}

/// Where the export ends: always at a checkpoint, and behind its first entry.
async fn end(
    connection: &mut AnyConnection,
    zone: &str,
    first: u64,
    last: Option<u64>,
) -> Result<u64, ExportError> {
    let wanted = last.unwrap_or(first).max(first);
    let signed = snapshot::signed_size(connection, zone, None).await?;
    let signed = signed.unwrap_or(0);
    let end = match last {
        None => Some(signed),
        Some(_) => snapshot::signed_size(connection, zone, Some(wanted)).await?,
    };
    end.filter(|end| *end > wanted)
        .ok_or_else(|| ExportError::Unsigned {
            zone: zone.to_owned(),
            index: wanted,
            signed,
        })
}

/// The way through the entries.
struct Walk<'a> {
    zone: &'a str,
    tree: Frontier,
    /// Entries before this lead to a checkpoint.
    confirmed: u64,
    checkpoints: u64,
    newest: String,
    states: Lines,
    entries: EntryWriter,
}

impl Walk<'_> {
    fn entry(&mut self, row: &snapshot::Row) -> Result<(), ExportError> {
        let (zone, index) = (self.zone.to_owned(), self.tree.size());
        if row.index != index {
            return Err(self.missing());
        }
        let hash = Hash::leaf(&row.body);
        if row.leaf != Some(hash) {
            return Err(ExportError::Leaf { zone, index });
        }
        let record = Record::from_canonical(&row.body).map_err(|source| ExportError::Record {
            zone,
            index,
            source,
        })?;
        self.entries.push(&Leaf {
            index,
            bytes: &row.body,
            hash,
            record: &record,
        })?;
        self.tree.append(hash);
        Ok(())
    }

    fn checkpoint(&mut self, stored: Stored) -> Result<(), ExportError> {
        let checkpoint = open(self.zone, &stored)?;
        if checkpoint.root != self.tree.root() {
            return Err(ExportError::Root {
                zone: self.zone.to_owned(),
                first: self.confirmed,
                last: stored.size.saturating_sub(1),
            });
        }
        if stored.frontier.as_ref() != Some(&self.tree) {
            return Err(ExportError::Checkpoint {
                zone: self.zone.to_owned(),
                size: stored.size,
                source: None,
            });
        }
        let state = SignedState {
            frontier: peaks(&self.tree),
            note: stored.note,
            size: stored.size,
        };
        let line = serde_json::to_vec(&state).map_err(|error| ExportError::Write {
            path: CHECKPOINTS.into(),
            source: error.into(),
        })?;
        self.states.push(&line)?;
        self.confirmed = stored.size;
        self.checkpoints = self.checkpoints.saturating_add(1);
        self.newest = state.note;
        Ok(())
    }

    fn missing(&self) -> ExportError {
        ExportError::Missing {
            zone: self.zone.to_owned(),
            index: self.tree.size(),
        }
    }

    /// Makes everything durable, and returns the number of checkpoints.
    fn finish(self, folder: &Path) -> Result<u64, ExportError> {
        self.entries.finish()?;
        self.states.finish()?;
        write_file(&folder.join(CHECKPOINT), self.newest.as_bytes())?;
        Ok(self.checkpoints)
    }
}

fn files(folder: &Path) -> Result<BTreeMap<String, u64>, ExportError> {
    let list = || -> io::Result<BTreeMap<String, u64>> {
        fs::read_dir(folder)?
            .map(|file| {
                let file = file?;
                let name = file.file_name().to_string_lossy().into_owned();
                Ok((name, file.metadata()?.len()))
            })
            .collect()
    };
    list().map_err(ExportError::write(folder))
}
