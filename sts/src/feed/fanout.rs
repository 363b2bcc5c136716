//! What was applied goes to all points at once: encoded one time for each part of a zone that points are
//! told, and put into their queues by one task, without waking any of theirs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use caracal_mandate::name::Name;
use tokio::sync::watch;

use super::line::{Deltas, Line};
use crate::authority::{Authority, FeedScope};
use crate::service::Service;

/// Every line, by what it is told.
#[derive(Debug, Default)]
pub(crate) struct Fanout(Mutex<Lines>);

#[derive(Debug, Default)]
struct Lines {
    groups: HashMap<(Name, FeedScope), Group>,
    next: u64,
}

/// Lines that are told the same.
#[derive(Debug)]
struct Group {
    /// Where the last deltas of this group ended.
    at: u64,
    lines: HashMap<u64, Arc<Line>>,
}

/// A line in the fan-out; dropping it takes it out.
pub(super) struct Joined {
    fanout: Arc<Fanout>,
    key: (Name, FeedScope),
    id: u64,
}

impl Fanout {
    /// From now on the line is sent what is applied. What was applied since its snapshot is for its own
    /// task to see to.
    pub(super) fn join(
        self: &Arc<Self>,
        zone: &Name,
        scope: &FeedScope,
        line: &Arc<Line>,
    ) -> Joined {
        let key = (zone.clone(), scope.clone());
        let mut lines = self.lock();
        let id = lines.next;
        lines.next = lines.next.wrapping_add(1);
        let group = lines.groups.entry(key.clone());
        let group = group.or_insert_with(|| Group {
            at: line.cursor(),
            lines: HashMap::new(),
        });
        group.lines.insert(id, Arc::clone(line));
        let fanout = Arc::clone(self);
        Joined { fanout, key, id }
    }

    /// Sends what is applied and was not sent.
    fn push(&self, authority: &Authority) {
        let mut lines = self.lock();
        for ((zone, scope), group) in &mut lines.groups {
            let deltas = {
                let state = authority.read();
                let term = authority.version(0).term;
                let zone = state.zone(zone);
                zone.map(|zone| Deltas::after(group.at, term, &state, zone, scope))
            };
            // A group whose deltas are gone or make no sense: each line's own task finds out.
            let Some(Ok(deltas)) = deltas else {
                group.lines.values().for_each(|line| line.leave_behind());
                continue;
            };
            group.lines.values().for_each(|line| line.push(&deltas));
            group.at = deltas.to();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Joined {
    fn drop(&mut self) {
        let mut lines = self.fanout.lock();
        if let Some(group) = lines.groups.get_mut(&self.key) {
            group.lines.remove(&self.id);
            if group.lines.is_empty() {
                lines.groups.remove(&self.key);
            }
        }
    }
}

/// Sends what is applied as soon as it is, until `stop` changes.
pub(crate) async fn run(service: Weak<Service>, mut stop: watch::Receiver<bool>) {
    let changes = service.upgrade().map(|service| service.authority.changes());
    let Some(mut changes) = changes else {
        return;
    };
    loop {
        tokio::select! {
            _ = stop.changed() => return,
            Ok(()) = changes.changed() => {}
        }
        let Some(service) = service.upgrade() else {
            return;
        };
        service.fanout.push(&service.authority);
    }
}
