//! What stands in a ledger, row by row, as whoever owns its database reads it.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use sqlx::{AnyConnection, Row as _};

/// All of a ledger that a manipulation starts from.
pub(crate) struct Image {
    pub(crate) logs: BTreeMap<String, Log>,
    pub(crate) emitters: Vec<EmitterRow>,
}

/// One zone.
#[derive(Default)]
pub(crate) struct Log {
    /// By index.
    pub(crate) entries: Vec<EntryRow>,
    /// By size.
    pub(crate) checkpoints: Vec<CheckpointRow>,
}

#[derive(Clone)]
pub(crate) struct EntryRow {
    pub(crate) emitter: i64,
    pub(crate) body: Vec<u8>,
}

pub(crate) struct CheckpointRow {
    pub(crate) size: u64,
    pub(crate) note: String,
    pub(crate) frontier: Vec<u8>,
}

pub(crate) struct EmitterRow {
    pub(crate) id: i64,
    pub(crate) name: String,
}

impl Image {
    pub(crate) async fn read(connection: &mut AnyConnection) -> Self {
        let mut logs: BTreeMap<String, Log> = BTreeMap::new();
        let entries = "SELECT zone, emitter_id, body FROM log_entries ORDER BY zone, idx";
        for row in sqlx::query(entries)
            .fetch_all(&mut *connection)
            .await
            .unwrap()
        {
            logs.entry(row.get("zone"))
                .or_default()
                .entries
                .push(EntryRow {
                    emitter: row.get("emitter_id"),
                    body: row.get("body"),
                });
        }
        let checkpoints = "SELECT zone, size, note, frontier FROM checkpoints ORDER BY zone, size";
        for row in sqlx::query(checkpoints)
            .fetch_all(&mut *connection)
            .await
            .unwrap()
        {
            let log = logs.entry(row.get("zone")).or_default();
            log.checkpoints.push(CheckpointRow {
                size: row.get::<i64, _>("size").try_into().unwrap(),
                note: row.get("note"),
                frontier: row.get("frontier"),
            });
        }
        let emitters = "SELECT id, emitter FROM emitters ORDER BY id";
        let emitters = sqlx::query(emitters).fetch_all(connection).await.unwrap();
        let emitters = emitters.iter().map(|row| EmitterRow {
            id: row.get("id"),
            name: row.get("emitter"),
        });
        Self {
            logs,
            emitters: emitters.collect(),
        }
    }

    /// Where the entries of an emitter stand.
    pub(crate) fn entries_of(&self, emitter: i64) -> Vec<(String, RangeInclusive<u64>)> {
        let of_log = |(zone, log): (&String, &Log)| {
            let entries = (0_u64..).zip(&log.entries);
            let own = entries.filter(|(_, entry)| entry.emitter == emitter);
            own.map(|(index, _)| (zone.clone(), index..=index))
                .collect::<Vec<_>>()
        };
        self.logs.iter().flat_map(of_log).collect()
    }
}

impl Log {
    pub(crate) fn size(&self) -> u64 {
        self.entries.len().try_into().unwrap()
    }

    pub(crate) fn body(&self, index: u64) -> &[u8] {
        &self.entries[usize::try_from(index).unwrap()].body
    }

    /// From the checkpoint before a range to the one behind it: as narrow as a signature can tell.
    pub(crate) fn between_checkpoints(&self, range: &RangeInclusive<u64>) -> RangeInclusive<u64> {
        let sizes = || self.checkpoints.iter().map(|checkpoint| checkpoint.size);
        let before = sizes().filter(|size| size <= range.start()).max();
        let behind = sizes().filter(|size| size > range.end()).min();
        before.unwrap_or(0)..=behind.map_or(u64::MAX, |size| size - 1)
    }
}
