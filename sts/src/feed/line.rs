//! The way to one point: a queue, and how far what is in it goes.

use std::sync::{Mutex, MutexGuard, PoisonError};

use caracal_proto::enforcement::Version;
use caracal_proto::enforcement::watch_response::Message;
use caracal_proto::enforcement::{Delta, Item, Pong};
use tokio::sync::Notify;
use tokio::sync::mpsc::{self, error::TrySendError};
use tonic::Status;

use super::chunk::chunks;
use super::frame::Frame;
use crate::authority::{FeedGap, FeedScope, State, ZoneState};

/// What was applied between two positions, as it goes over the wire.
#[derive(Debug, Clone)]
pub(super) struct Deltas {
    from: u64,
    /// Each with the position that it leads to.
    frames: Vec<(u64, Frame)>,
}

impl Deltas {
    /// Everything of a zone that a scope is told after a position. Positions of other zones and of
    /// changes that points are not told still move the version, because mandates are held until the
    /// position of their issue is applied.
    pub(super) fn after(
        from: u64,
        term: u64,
        state: &State,
        zone: &ZoneState,
        scope: &FeedScope,
    ) -> Result<Self, FeedGap> {
        let applied = state.applied();
        let mut frames = Vec::new();
        let mut cursor = from;
        let mut delta = |to: u64, items: Vec<Item>| {
            let version = |epoch| Some(Version { term, epoch });
            let message = Message::Delta(Delta {
                from: version(cursor),
                to: version(to),
                items,
            });
            cursor = to;
            frames.push((to, Frame::new(message)));
        };
        if applied > from {
            let mut runs = chunks(zone.feed.after(from, scope)?).into_iter().peekable();
            if runs.peek().is_none() {
                delta(applied, Vec::new());
            }
            while let Some(run) = runs.next() {
                let end = run.last().map_or(applied, |(seq, _)| *seq);
                let to = if runs.peek().is_none() { applied } else { end };
                delta(to, run.into_iter().map(|(_, item)| item).collect());
            }
        }
        Ok(Self { from, frames })
    }

    /// Where they begin.
    pub(super) const fn from(&self) -> u64 {
        self.from
    }

    /// Where they end.
    pub(super) fn to(&self) -> u64 {
        self.frames.last().map_or(self.from, |(to, _)| *to)
    }
}

/// Whether the queue took everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Queued {
    All,
    /// The rest has to wait for room.
    Full,
}

/// The sending side of one stream. What is put into the queue is put there under the lock, so that deltas
/// follow each other without a gap whoever sends them, and a pong follows what it confirms.
#[derive(Debug)]
pub(super) struct Line {
    out: mpsc::Sender<Result<Frame, Status>>,
    /// Everything up to this position is in the queue.
    cursor: Mutex<u64>,
    /// There is something that the fan-out could not queue.
    behind: Notify,
}

impl Line {
    /// A line whose queue has a snapshot of this position.
    pub(super) fn new(out: mpsc::Sender<Result<Frame, Status>>, cursor: u64) -> Self {
        Self {
            out,
            cursor: Mutex::new(cursor),
            behind: Notify::new(),
        }
    }

    /// Everything up to there was sent, or is about to be.
    pub(super) fn cursor(&self) -> u64 {
        *self.lock()
    }

    /// Completes when the fan-out has left something to the stream's own task.
    pub(super) async fn left_behind(&self) {
        self.behind.notified().await;
    }

    /// For the fan-out: the stream's own task has to see to it.
    pub(super) fn leave_behind(&self) {
        self.behind.notify_one();
    }

    /// For the fan-out: queues the deltas if this line is where they begin. A line that is elsewhere, or
    /// full, is left to its own task, which can wait.
    pub(super) fn push(&self, deltas: &Deltas) {
        let mut cursor = self.lock();
        if *cursor >= deltas.to() {
            return;
        }
        let queued = if *cursor == deltas.from() {
            self.queue(&mut cursor, deltas)
        } else {
            Queued::Full
        };
        drop(cursor);
        if queued == Queued::Full {
            self.leave_behind();
        }
    }

    /// For the stream's own task: queues everything that is applied and not queued, and then the pong.
    /// `deltas` is called with where this line is.
    pub(super) fn catch_up<E>(
        &self,
        term: u64,
        deltas: impl FnOnce(u64) -> Result<Deltas, E>,
        pong: Option<(u64, u64)>,
    ) -> Result<Queued, E> {
        let mut cursor = self.lock();
        let deltas = deltas(*cursor)?;
        let mut queued = self.queue(&mut cursor, &deltas);
        if let (Queued::All, Some((nonce, read_age_ms))) = (queued, pong) {
            let epoch = *cursor;
            let version = Some(Version { term, epoch });
            queued = self.send(Frame::new(Message::Pong(Pong {
                nonce,
                version,
                read_age_ms,
            })));
        }
        Ok(queued)
    }

    fn queue(&self, cursor: &mut u64, deltas: &Deltas) -> Queued {
        for (to, frame) in &deltas.frames {
            if self.send(frame.clone()) == Queued::Full {
                return Queued::Full;
            }
            *cursor = *to;
        }
        Queued::All
    }

    fn send(&self, frame: Frame) -> Queued {
        match self.out.try_send(Ok(frame)) {
            Err(TrySendError::Full(_)) => Queued::Full,
            // Nobody is there any more; the stream's own task sees that too.
            Ok(()) | Err(TrySendError::Closed(_)) => Queued::All,
        }
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        self.cursor.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
