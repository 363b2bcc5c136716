//! What stands in a ledger file, held against what was promised.

use std::collections::BTreeMap;
use std::path::Path;

use caracal_audit::verify::verify;
use caracal_audit::{Frontier, Hash, Position, Record, Severity};
use caracal_store::testing::connect;
use sqlx::{Connection as _, Row as _};

use super::history::History;

pub(crate) struct Contents {
    /// Where each event stands, by emitter and number. Told by the bodies: the columns have indexes that
    /// would not let them say anything else.
    events: BTreeMap<(String, u64), Vec<Position>>,
    /// The tree of each zone, at each size.
    trees: BTreeMap<String, Vec<Hash>>,
    /// Sizes that were signed.
    signed: Vec<(String, u64)>,
}

impl Contents {
    pub(crate) async fn read(file: &Path) -> Self {
        let mut connection = connect(&file.into()).await.unwrap();
        let entries = "SELECT zone, idx, body FROM log_entries ORDER BY zone, idx";
        // The first start may have been killed before there was a table.
        let entries = sqlx::query(entries)
            .fetch_all(&mut connection)
            .await
            .unwrap_or_default();
        let checkpoints = sqlx::query("SELECT zone, size FROM checkpoints");
        let checkpoints = checkpoints
            .fetch_all(&mut connection)
            .await
            .unwrap_or_default();
        connection.close().await.unwrap();
        let mut events: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut frontiers: BTreeMap<String, Frontier> = BTreeMap::new();
        let mut trees: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for row in &entries {
            let (zone, body): (String, Vec<u8>) = (row.get("zone"), row.get("body"));
            let index = u64::try_from(row.get::<i64, _>("idx")).unwrap();
            let emitter = Record::from_canonical(&body).unwrap().event.emitter;
            let frontier = frontiers.entry(zone.clone()).or_default();
            assert_eq!(frontier.size(), index, "zone {zone}: an index is missing");
            let roots = trees
                .entry(zone.clone())
                .or_insert_with(|| vec![Hash::empty()]);
            frontier.append(Hash::leaf(&body));
            roots.push(frontier.root());
            let places = events.entry((emitter.name, emitter.seq)).or_default();
            places.push(Position { zone, index });
        }
        let size = |row: &sqlx::any::AnyRow| row.get::<i64, _>("size").try_into().unwrap();
        let signed = checkpoints.iter().map(|row| (row.get("zone"), size(row)));
        Self {
            events,
            trees,
            signed: signed.collect(),
        }
    }

    /// Whether everything that was promised holds.
    pub(crate) fn check(&self, history: &History) {
        for (emitter, seq, place) in history.acknowledged() {
            let found = self.events.get(&(emitter.clone(), seq));
            let found = found.unwrap_or_else(|| panic!("LOST: {emitter} {seq} {place:?}"));
            assert!(
                found.contains(place),
                "MOVED: {emitter} {seq} {place:?}: {found:?}"
            );
        }
        let mut last = (String::new(), 0);
        for ((emitter, seq), places) in &self.events {
            assert_eq!(places.len(), 1, "DUPLICATE: {emitter} {seq}: {places:?}");
            if last.0 != *emitter {
                last = (emitter.clone(), 0);
            }
            assert_eq!(*seq, last.1 + 1, "GAP: {emitter} before {seq}");
            last.1 = *seq;
        }
        for ((zone, size), root) in history.published() {
            let at = usize::try_from(*size).unwrap();
            let tree = self.trees.get(zone).and_then(|tree| tree.get(at));
            assert_eq!(tree, Some(root), "FORK: zone {zone} at {size}");
        }
    }

    /// Whether something stands here, and not in `before`, that was told to somebody.
    pub(crate) fn promises_beyond(&self, before: &Self, history: &History) -> bool {
        let new = |emitter: String, seq| {
            let event = (emitter, seq);
            self.events.contains_key(&event) && !before.events.contains_key(&event)
        };
        let signed = |checkpoint| !before.signed.contains(checkpoint);
        history
            .acknowledged()
            .any(|(emitter, seq, _)| new(emitter, seq))
            || self
                .signed
                .iter()
                .any(|at| signed(at) && history.published().contains_key(at))
    }
}

/// Whether the file holds all that was promised, for the verifier and for [`Contents`].
pub(crate) async fn check(file: &Path, history: &History) {
    let contents = Contents::read(file).await;
    contents.check(history);
    // A file without tables is no ledger yet.
    if !contents.events.is_empty() {
        // What was not published is not signed. Nothing else is to be found.
        assert_worst(file, None, history, Some(Severity::Notice));
    }
}

/// The same of a ledger that was closed in order: everything is signed, and continues what was published.
pub(crate) async fn check_closed(file: &Path, history: &History) {
    check(file, history).await;
    for kept in history.newest_checkpoints() {
        assert_worst(file, Some(kept), history, None);
    }
}

fn assert_worst(file: &Path, kept: Option<&str>, history: &History, worst: Option<Severity>) {
    let report = verify(file, &history.verifier_key(), kept, |_| {}).unwrap();
    let texts: Vec<_> = report.all().map(ToString::to_string).collect();
    assert!(report.worst() <= worst, "{texts:#?}");
}
