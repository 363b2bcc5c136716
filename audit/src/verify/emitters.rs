//! The numbering of the emitters, across all zones: an emitter may serve several.
//!
//! It reads the search columns, in the order of their index. Each was compared with its body before.

use sqlx::sqlite::{SqliteConnection, SqliteRow};
use tokio_stream::StreamExt as _;

use caracal_mandate::event::Emitter;

use super::database::{count, text};
use super::report::{Finding, FindingKind, Report, Severity};

/// One numbering: a peer's emitter in one run.
#[derive(PartialEq, Eq, Default)]
struct Series {
    peer: String,
    name: String,
    boot: String,
}

pub(super) async fn verify(connection: &mut SqliteConnection, report: &mut Report) {
    let mut rows = sqlx::query(
        "SELECT peer, emitter, boot, seq, zone, idx, request_id FROM log_entries \
         ORDER BY peer, emitter, boot, seq",
    )
    .fetch(connection);
    let (mut series, mut last) = (Series::default(), 0);
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
        let read = |column| text(&row, column).unwrap_or_default();
        let current = Series {
            peer: read("peer"),
            name: read("emitter"),
            boot: read("boot"),
        };
        if current != series {
            (series, last) = (current, 0);
        }
        // A column that is no number was reported with its entry.
        let Some(seq) = count(&row, "seq") else {
            continue;
        };
        if let Some(finding) = step(&series, last, seq, &row) {
            report.push(finding);
        }
        last = seq;
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
