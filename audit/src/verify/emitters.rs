//! The emitters and their numbering, across all zones: an emitter may serve several.

mod numbers;

use std::collections::{BTreeMap, HashMap, HashSet};

use rusqlite::{Connection, Error};

use super::database::{integer, text};
use super::report::{Finding, FindingKind, Report};
use crate::record::Series;
pub(super) use numbers::Numbers;

/// The runs of emitters by their ids, as the file has them.
pub(super) struct Emitters(HashMap<i64, Series>);

/// Reads the emitters. No two ids may stand for the same run: a number could then be used twice.
pub(super) fn read(connection: &Connection, report: &mut Report) -> Emitters {
    let mut emitters = HashMap::new();
    if let Err(error) = fill(&mut emitters, connection) {
        let finding = Finding::tampered(FindingKind::Unreadable, "");
        report.push(finding.says("the emitters cannot be read", error.to_string()));
    }
    let mut seen = HashSet::new();
    for series in emitters.values().filter(|series| !seen.insert(*series)) {
        let Series { peer, name, boot } = series;
        report.push(Finding::tampered(FindingKind::EmitterDuplicate, "").says(
            "an emitter is there more than once",
            format!("emitter {name:?} of peer {peer:?} has more than one id for its boot {boot:?}"),
        ));
    }
    Emitters(emitters)
}

fn fill(emitters: &mut HashMap<i64, Series>, connection: &Connection) -> Result<(), Error> {
    let mut statement =
        connection.prepare("SELECT id, peer, emitter, boot FROM emitters ORDER BY id")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        // A row that cannot be read is missed by the entries that need it.
        if let (Some(id), Some(peer), Some(name), Some(boot)) =
            (integer(row, 0), text(row, 1), text(row, 2), text(row, 3))
        {
            emitters.insert(id, Series { peer, name, boot });
        }
    }
    Ok(())
}

impl Emitters {
    pub(super) fn get(&self, id: i64) -> Option<&Series> {
        self.0.get(&id)
    }

    /// Those whose id is not among these, by their ids.
    fn without_entry<T>(&self, seen: &BTreeMap<i64, T>) -> impl Iterator<Item = &Series> {
        let others = self.0.iter().filter(|(id, _)| !seen.contains_key(id));
        let others: BTreeMap<_, _> = others.collect();
        others.into_values()
    }
}
