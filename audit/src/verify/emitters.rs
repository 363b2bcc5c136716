//! The emitters and their numbering, across all zones: an emitter may serve several.
//!
//! It reads the search columns, in the order of their index. Each was compared with its body before.

use std::collections::{BTreeMap, HashMap, HashSet};

use sqlx::sqlite::{SqliteConnection, SqliteRow};
use tokio_stream::StreamExt as _;

use caracal_mandate::event::Emitter;

use super::database::{count, integer, text};
use super::report::{Finding, FindingKind, Report, Severity};
use crate::record::Series;

/// The runs of emitters by their ids, as the file has them.
pub(super) struct Emitters(HashMap<i64, Series>);

/// Reads the emitters. No two ids may stand for the same run: a number could then be used twice.
pub(super) async fn read(connection: &mut SqliteConnection, report: &mut Report) -> Emitters {
    let mut rows =
        sqlx::query("SELECT id, peer, emitter, boot FROM emitters ORDER BY id").fetch(connection);
    let mut emitters = HashMap::new();
    while let Some(row) = rows.next().await {
        let row = match row {
            Ok(row) => row,
            Err(error) => {
                let finding = Finding::tampered(FindingKind::Unreadable, "");
                report.push(finding.says("the emitters cannot be read", error.to_string()));
                break;
            }
        };
        let read = |column| text(&row, column);
        // A row that cannot be read is missed by the entries that need it.
        if let (Some(id), Some(peer), Some(name), Some(boot)) = (
            integer(&row, "id"),
            read("peer"),
            read("emitter"),
            read("boot"),
        ) {
            emitters.insert(id, Series { peer, name, boot });
        }
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

impl Emitters {
    pub(super) fn get(&self, id: i64) -> Option<&Series> {
        self.0.get(&id)
    }

    /// Follows the numbers of each.
    pub(super) async fn verify(&self, connection: &mut SqliteConnection, report: &mut Report) {
        let mut rows = sqlx::query(
            "SELECT emitter_id, seq, zone, idx, request_id FROM log_entries \
             ORDER BY emitter_id, seq",
        )
        .fetch(connection);
        let (mut current, mut last) = (None, 0);
        let mut idle: BTreeMap<_, _> = self.0.iter().collect();
        while let Some(row) = rows.next().await {
            let row = match row {
                Ok(row) => row,
                Err(error) => {
                    let finding = Finding::tampered(FindingKind::Unreadable, "");
                    let what = "the numbering of the emitters cannot be read";
                    report.push(finding.says(what, error.to_string()));
                    return;
                }
            };
            // An emitter that is not there, and a column that is no number, were reported with
            // the entry.
            let Some(id) = integer(&row, "emitter_id") else {
                continue;
            };
            if current != Some(id) {
                (current, last) = (Some(id), 0);
                idle.remove(&id);
            }
            let (Some(series), Some(seq)) = (self.get(id), count(&row, "seq")) else {
                continue;
            };
            if let Some(finding) = step(series, last, seq, &row) {
                report.push(finding);
            }
            last = seq;
        }
        for Series { peer, name, boot } in idle.into_values() {
            report.push(Finding::tampered(FindingKind::EmitterGap, "").says(
                "an emitter has no entry",
                format!(
                    "emitter {name:?} of peer {peer:?} is known for its boot {boot:?}, which is \
                     written with its first entry"
                ),
            ));
        }
    }
}

/// What is wrong with `seq` after `last`. Events that are still on their way leave no trace here.
fn step(series: &Series, last: u64, seq: u64, row: &SqliteRow) -> Option<Finding> {
    let next = last.saturating_add(1);
    if seq == next {
        return None;
    }
    let zone = text(row, "zone").unwrap_or_default();
    let Series { peer, name, boot } = series;
    let finding = if seq < next {
        Finding::tampered(FindingKind::EmitterDuplicate, &zone).says(
            format!("the emitter's number {seq} is there more than once, or is none"),
            format!("emitter {name:?} of peer {peer:?} has used the numbers up to {last} before"),
        )
    } else {
        let missing = seq.saturating_sub(1);
        Finding::new(Severity::Gap, FindingKind::EmitterGap, &zone).says(
            format!("events of the emitter with the numbers {next} to {missing} are missing"),
            format!("emitter {name:?} of peer {peer:?} numbers without holes, and goes on with {seq} here"),
        )
    };
    let finding = match count(row, "idx") {
        Some(index) => finding.at(index),
        None => finding,
    };
    let emitter = Emitter {
        boot: boot.clone(),
        name: name.clone(),
        seq,
    };
    Some(Finding {
        emitter: Some(emitter),
        request_id: text(row, "request_id"),
        ..finding
    })
}
