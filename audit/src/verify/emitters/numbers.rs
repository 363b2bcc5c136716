//! The numbers of the emitters: each runs from 1 without holes or repeats.
//!
//! They are noted while the entries are read, by their columns, each of which is compared with its body
//! there. An emitter's numbers mostly come in their order, so what is kept of millions is a few runs.

use std::collections::{BTreeMap, BTreeSet};

use caracal_mandate::event::Emitter;
use rusqlite::{Connection, Error};

use super::Emitters;
use crate::record::Series;
use crate::verify::database::{count, text};
use crate::verify::entry::Row;
use crate::verify::report::{Finding, FindingKind, Report, Severity};

/// Numbers that follow each other without a hole: the first and the last.
type Run = (u64, u64);

/// What was seen, by the emitters' ids.
#[derive(Default)]
pub(in crate::verify) struct Numbers(BTreeMap<i64, Vec<Run>>);

impl Numbers {
    /// Notes an entry. An emitter that is not there, and a column that is no number, are reported with it.
    pub(in crate::verify) fn note(&mut self, row: Row<'_>, emitters: &Emitters) {
        let Some(id) = row.emitter_id().filter(|id| emitters.get(*id).is_some()) else {
            return;
        };
        let runs = self.0.entry(id).or_default();
        let Some(number) = row.number() else {
            return;
        };
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(number) => *last = number,
            _ => runs.push((number, number)),
        }
    }

    /// Reports holes and repeats, and emitters that have no entry.
    pub(in crate::verify) fn verify(
        self,
        emitters: &Emitters,
        connection: &Connection,
        report: &mut Report,
    ) {
        for (id, runs) in &self.0 {
            let Some(series) = emitters.get(*id) else {
                continue;
            };
            let Account { repeated, holes } = account(runs.clone());
            for number in repeated {
                // The first of them has the number by right. What is no number of an emitter has none.
                let right = usize::from(number > 0);
                let mut others = entries(connection, (*id, number), report);
                others.drain(..right.min(others.len()));
                // It was seen, whatever an index that was tampered with says now.
                if others.is_empty() {
                    report.push(repeat(series, number));
                }
                for place in others {
                    report.push(place.shows(repeat(series, number), series, number));
                }
            }
            for (first, last) in holes {
                let next = last.saturating_add(1);
                let finding = hole(series, (first, last));
                let entries = entries(connection, (*id, next), report);
                report.push(match entries.into_iter().next() {
                    Some(place) => place.shows(finding, series, next),
                    None => finding,
                });
            }
        }
        for series in emitters.without_entry(&self.0) {
            let Series { peer, name, boot } = series;
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

/// What is wrong with the numbers of one emitter.
#[derive(Debug, PartialEq, Eq)]
struct Account {
    /// Numbers that are there more than once, and 0, which is none.
    repeated: BTreeSet<u64>,
    /// Numbers that are missing before one that is there. Events that are still on their way leave no trace.
    holes: Vec<Run>,
}

fn account(mut runs: Vec<Run>) -> Account {
    runs.sort_unstable();
    let (mut repeated, mut holes) = (BTreeSet::new(), Vec::new());
    let mut seen = 0_u64;
    for (first, last) in runs {
        let next = seen.saturating_add(1);
        if first < next {
            repeated.extend(first..=last.min(seen));
        } else if first > next {
            holes.push((next, first.saturating_sub(1)));
        }
        seen = seen.max(last);
    }
    Account { repeated, holes }
}

/// Where an entry stands, as far as its row says.
struct Place {
    zone: String,
    index: Option<u64>,
    request_id: Option<String>,
}

/// The entries that have a number.
fn entries(connection: &Connection, at: (i64, u64), report: &mut Report) -> Vec<Place> {
    places(connection, at).unwrap_or_else(|error| {
        let finding = Finding::tampered(FindingKind::Unreadable, "");
        let what = "the numbering of the emitters cannot be read";
        report.push(finding.says(what, error.to_string()));
        Vec::new()
    })
}

fn places(connection: &Connection, (emitter, number): (i64, u64)) -> Result<Vec<Place>, Error> {
    let mut statement = connection.prepare(
        "SELECT zone, idx, request_id FROM log_entries WHERE emitter_id = ?1 AND seq = ?2 \
         ORDER BY zone, idx",
    )?;
    let number = i64::try_from(number).unwrap_or(i64::MAX);
    let places = statement.query_map((emitter, number), |row| {
        Ok(Place {
            zone: text(row, 0).unwrap_or_default(),
            index: count(row, 1),
            request_id: text(row, 2),
        })
    })?;
    places.collect()
}

impl Place {
    /// A finding that shows in this entry.
    fn shows(self, finding: Finding, series: &Series, seq: u64) -> Finding {
        let Self {
            zone,
            index,
            request_id,
        } = self;
        let finding = match index {
            Some(index) => finding.at(index),
            None => finding,
        };
        let Series {
            peer: _,
            name,
            boot,
        } = series;
        let emitter = Emitter {
            boot: boot.clone(),
            name: name.clone(),
            seq,
        };
        Finding {
            zone,
            emitter: Some(emitter),
            request_id,
            ..finding
        }
    }
}

fn repeat(series: &Series, number: u64) -> Finding {
    let Series {
        peer,
        name,
        boot: _,
    } = series;
    Finding::tampered(FindingKind::EmitterDuplicate, "").says(
        format!("the emitter's number {number} is there more than once, or is none"),
        format!("emitter {name:?} of peer {peer:?} has used the numbers up to {number} before"),
    )
}

fn hole(series: &Series, (first, last): Run) -> Finding {
    let Series {
        peer,
        name,
        boot: _,
    } = series;
    let next = last.saturating_add(1);
    Finding::new(Severity::Gap, FindingKind::EmitterGap, "").says(
        format!("events of the emitter with the numbers {first} to {last} are missing"),
        format!(
            "emitter {name:?} of peer {peer:?} numbers without holes, and goes on with {next} here"
        ),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_hole_and_every_repeat_is_told_whatever_order_the_numbers_came_in(
            numbers in proptest::collection::vec(0_u64..20, 0..30)
        ) {
            let runs = numbers.iter().map(|number| (*number, *number)).collect();
            let Account { repeated, holes } = account(runs);
            let times = |number: &u64| numbers.iter().filter(|other| *other == number).count();
            let is_repeated = |number: &u64| *number == 0 || times(number) > 1;
            let expected: BTreeSet<_> = numbers.iter().copied().filter(is_repeated).collect();
            prop_assert_eq!(repeated, expected);
            let most = numbers.iter().copied().max().unwrap_or(0);
            let missing: Vec<_> = (1..most).filter(|number| times(number) == 0).collect();
            let told: Vec<_> = holes.iter().flat_map(|(first, last)| *first..=*last).collect();
            prop_assert_eq!(told, missing);
        }
    }
}
