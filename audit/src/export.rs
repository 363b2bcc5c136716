//! A ledger, or a part of it, in a folder that proves itself: for an auditor, a SIEM, an archive.
//!
//! ```text
//! DIR/manifest.json              what is here; nothing in it has to be believed
//! DIR/ZONE/entries.jsonl         one leaf a line, its bytes as they were hashed (or entries.parquet, events.ocsf.jsonl)
//! DIR/ZONE/checkpoint            the newest signed note, over the end of the entries
//! DIR/ZONE/checkpoints.jsonl     every signed note over them, and the frontier at each
//! DIR/ZONE/frontier              where the entries do not begin at 0: what the tree was before them
//! ```
//!
//! An export ends where a checkpoint does, so its root can be compared with a signed one. It is compared
//! while it is written: a ledger whose entries do not lead to its checkpoints is not exported at all.
//! [`verify_export`](crate::verify::verify_export) does the same again, with the key and without the
//! database. The formats stand in `docs/export.md`.

mod ahead;
mod columns;
mod error;
mod folder;
mod layout;
mod manifest;
mod notes;
mod ocsf;
mod snapshot;
mod table;
#[cfg(test)]
pub(crate) mod tests;
mod writer;
mod zone;

use std::path::Path;

use caracal_mandate::name::Name;
use caracal_store::DatabaseUrl;

use crate::verify::Progress;
use folder::NewFolder;
use zone::Part;

pub use error::ExportError;
pub use layout::Format;
pub(crate) use layout::{CHECKPOINT, CHECKPOINTS, FRONTIER, MANIFEST};
pub use manifest::{MANIFEST_VERSION, Manifest, ZoneManifest};
pub(crate) use notes::{MAX_LINE_BYTES, SignedState, read_frontier};
pub(crate) use ocsf::Source as OcsfSource;
#[cfg(test)]
pub(crate) use table::write_table;
pub(crate) use table::{TableReader, TableRow};
pub(crate) use writer::Leaf;

/// What is to be exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Every zone, from its first entry on.
    All,
    /// These zones, from their first entries on.
    Zones(Vec<Name>),
    /// A part of one zone.
    Part {
        /// The zone.
        zone: Name,
        /// Index of the first entry.
        first: u64,
        /// Index of an entry that has to be in it. The export goes on to the end of the first
        /// checkpoint that covers it; absent, to the newest.
        last: Option<u64>,
    },
}

/// Exports a ledger as it is at one moment into a new folder, which appears under its name when it is
/// whole. A database file is opened for reading only. `now_ms` is Unix time in milliseconds, for the
/// manifest.
pub async fn export(
    from: &DatabaseUrl,
    to: &Path,
    scope: &Scope,
    format: Format,
    now_ms: u64,
    mut progress: impl FnMut(Progress),
) -> Result<Manifest, ExportError> {
    let folder = NewFolder::beside(to)?;
    let mut source = snapshot::open(from).await?;
    let mut snapshot = snapshot::begin(&mut source, from).await?;
    let known = snapshot::zones(&mut snapshot).await?;
    let mut manifest = Manifest::new(format, now_ms);
    for part in parts(scope, &known)? {
        let written = zone::export(&mut snapshot, &part, format, folder.path(), &mut progress);
        // A zone of its first second is not signed yet: only who asked for it is to hear of that.
        match (written.await, scope) {
            (Ok(written), _) => manifest.zones.push(written),
            (Err(ExportError::Unsigned { .. }), Scope::All) => {}
            (Err(error), _) => return Err(error),
        }
    }
    snapshot.rollback().await?;
    let named = |zone: &String| manifest.zones.iter().any(|written| written.zone == *zone);
    let left_out: Vec<_> = known.into_iter().filter(|zone| !named(zone)).collect();
    manifest.left_out = left_out;
    manifest.write(folder.path())?;
    folder.publish(to)?;
    Ok(manifest)
}

/// What is to be done for each zone.
fn parts(scope: &Scope, known: &[String]) -> Result<Vec<Part>, ExportError> {
    let whole = |zone: Name| Part {
        zone,
        first: 0,
        last: None,
    };
    let parts: Vec<Part> = match scope {
        Scope::All => {
            // The name becomes that of a folder.
            let name = |zone: &String| zone.parse().map_err(ExportError::ZoneName);
            let names: Result<Vec<Name>, _> = known.iter().map(name).collect();
            names?.into_iter().map(whole).collect()
        }
        Scope::Zones(zones) => {
            let mut zones = zones.clone();
            zones.sort();
            zones.dedup();
            zones.into_iter().map(whole).collect()
        }
        Scope::Part { zone, first, last } => vec![Part {
            zone: zone.clone(),
            first: *first,
            last: *last,
        }],
    };
    let is_known = |part: &&Part| known.iter().any(|zone| zone == part.zone.as_str());
    match parts.iter().find(|part| !is_known(part)) {
        Some(unknown) => Err(ExportError::NoZone(unknown.zone.to_string())),
        None => Ok(parts),
    }
}
