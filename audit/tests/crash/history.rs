//! What a ledger has promised: the events that it acknowledged, and the checkpoints that it published.

use std::collections::BTreeMap;

use caracal_audit::{CheckpointVerifier, Hash, Position};

use super::handle::Line;
use super::process::{TASKS, emitter};

pub(crate) struct History {
    verifier: CheckpointVerifier,
    /// Of each task, by number.
    acknowledged: Vec<BTreeMap<u64, Position>>,
    /// Roots by zone and size.
    published: BTreeMap<(String, u64), Hash>,
    /// The newest note of each zone.
    newest: BTreeMap<String, String>,
    pub(crate) refused: u64,
}

impl History {
    pub(crate) fn new(verifier: CheckpointVerifier) -> Self {
        Self {
            verifier,
            acknowledged: vec![BTreeMap::new(); TASKS],
            published: BTreeMap::new(),
            newest: BTreeMap::new(),
            refused: 0,
        }
    }

    pub(crate) fn note(&mut self, line: Line) {
        match line {
            Line::Ready => {}
            Line::Refused => self.refused += 1,
            Line::Acknowledged {
                task,
                seq,
                zone,
                index,
            } => {
                let place = Position { zone, index };
                let before = self.acknowledged[task].insert(seq, place.clone());
                assert!(
                    before.is_none(),
                    "task {task}, number {seq}: {place:?}, {before:?}"
                );
            }
            Line::Checkpoint(note) => self.publish(note),
        }
    }

    fn publish(&mut self, note: String) {
        let zone = self.verifier.zone_of(note.lines().next().unwrap()).unwrap();
        let checkpoint = self.verifier.for_zone(zone).open_checkpoint(&note).unwrap();
        let at = (zone.to_owned(), checkpoint.size);
        let other = self.published.insert(at, checkpoint.root);
        assert!(
            other.is_none_or(|other| other == checkpoint.root),
            "two roots: {note}"
        );
        self.newest.insert(zone.to_owned(), note);
    }

    /// The next number of each task, as the process is told.
    pub(crate) fn next(&self) -> String {
        let next = |events: &BTreeMap<u64, _>| events.keys().next_back().map_or(1, |last| last + 1);
        let next = self
            .acknowledged
            .iter()
            .map(|events| next(events).to_string());
        next.collect::<Vec<_>>().join(",")
    }

    /// Everything that was acknowledged: emitter, number, place.
    pub(crate) fn acknowledged(&self) -> impl Iterator<Item = (String, u64, &Position)> {
        let tasks = self.acknowledged.iter().enumerate();
        tasks.flat_map(|(task, events)| {
            events
                .iter()
                .map(move |(seq, place)| (emitter(task), *seq, place))
        })
    }

    pub(crate) fn published(&self) -> &BTreeMap<(String, u64), Hash> {
        &self.published
    }

    pub(crate) fn newest_checkpoints(&self) -> impl Iterator<Item = &str> {
        self.newest.values().map(String::as_str)
    }

    pub(crate) fn verifier_key(&self) -> String {
        self.verifier.to_text()
    }
}
