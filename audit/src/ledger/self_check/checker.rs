//! One step of the check after the other.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use caracal_store::{DatabaseUrl, OpenError};

use super::super::Clock;
use super::super::known::Trees;
use super::super::state::StateRow;
use super::board::Board;
use super::end::End;
use super::pass::{Pass, unreadable};
use super::reader::{Fault, Reader};
use super::status::SelfCheckStatus;
use crate::merkle::Frontier;
use crate::note::CheckpointVerifier;

/// Entries of one step at the ends of all logs together, and as many of the pass. Some ten milliseconds
/// of work, so that a step is never long in anybody's way.
const SLICE: u64 = 512;
/// Where entries wait for their first look, the pass goes on in one step of so many.
const TURNS: u64 = 4;

/// What the check knows from one step to the next.
pub(in super::super) struct Checker {
    reader: Reader,
    /// What the sequencer of this process has committed.
    trees: Trees,
    verifier: CheckpointVerifier,
    clock: Arc<dyn Clock>,
    ends: BTreeMap<String, End>,
    pass: Pass,
    steps: u64,
    /// Whether every log that was there at the beginning is among the ends.
    looked: bool,
    board: Board,
}

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    /// Whether entries wait for their first look.
    pub(super) behind: bool,
    /// Whether a whole pass has ended.
    pub(super) passed: bool,
}

impl Checker {
    pub(in super::super) fn new(
        place: &DatabaseUrl,
        trees: Trees,
        verifier: CheckpointVerifier,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        Ok(Self {
            reader: Reader::new(place)?,
            trees,
            verifier,
            clock,
            ends: BTreeMap::new(),
            pass: Pass::default(),
            steps: 0,
            looked: false,
            board: Board::default(),
        })
    }

    pub(super) fn board(&self) -> Board {
        self.board.clone()
    }

    #[cfg(test)]
    pub(super) fn trees(&self) -> Trees {
        self.trees.clone()
    }

    /// Looks at the ends of all logs, and with `passing` goes on with the pass, or begins the next.
    pub(super) async fn step(&mut self, passing: bool) -> Step {
        let step = self.try_step(passing).await;
        self.reader.end().await;
        let text = match step {
            Ok(step) => {
                self.board.tell(|status| status.unreadable = None);
                return step;
            }
            Err(Fault::Damaged(text)) => {
                self.board.found([unreadable("", text.clone())]);
                text
            }
            Err(Fault::Away(text)) => text,
        };
        self.failed(text);
        Step {
            behind: false,
            passed: false,
        }
    }

    /// The last step was broken off, because it took too long.
    pub(super) fn gave_no_answer(&mut self) {
        self.failed("the database does not answer".to_owned());
    }

    /// Gives back what is open.
    pub(super) async fn close(mut self) {
        self.reader.close().await;
    }

    fn failed(&mut self, text: String) {
        self.reader.give_up();
        self.board.tell(|status| {
            if status.unreadable.is_none() {
                tracing::warn!(error = %text, "the ledger cannot check itself, will try again");
            }
            status.unreadable = Some(text);
        });
    }

    async fn try_step(&mut self, passing: bool) -> Result<Step, Fault> {
        self.steps = self.steps.saturating_add(1);
        // Before the database is read: what it says then is no less.
        let known = self.trees.snapshot();
        self.reader.begin().await?;
        let begins = passing && self.pass.is_over();
        if begins {
            // Before the look: what that finds again is not forgotten at the end of this pass.
            self.board.pass_begins();
        }
        let behind = self.look(&known).await?;
        let mut passed = false;
        if passing && (!behind || self.steps.is_multiple_of(TURNS)) {
            if begins {
                self.pass.begin(self.ends.keys().cloned());
            }
            passed = self.pass().await?;
        }
        Ok(Step { behind, passed })
    }

    /// The ends of the logs; tells whether entries wait there.
    async fn look(&mut self, known: &HashMap<String, Frontier>) -> Result<bool, Fault> {
        if !self.looked {
            // Before the states are read: what is signed in between is in them. The other way around, an end
            // that begins with it took the state for one that was put back.
            for (zone, known) in known {
                self.begin(zone, Some(known)).await?;
            }
            self.looked = true;
        }
        let states = self.reader.states().await?;
        let states: BTreeMap<String, Option<StateRow>> = states.into_iter().collect();
        for zone in states.keys().chain(known.keys()) {
            // A log that came later is new from its first entry on.
            self.begin(zone, None).await?;
        }
        let (mut left, mut waiting) = (SLICE, 0_u64);
        for (zone, end) in &mut self.ends {
            let state = states.get(zone).and_then(Option::as_ref);
            let looked = end.look(&mut self.reader, known.get(zone), state, left);
            let read = match looked.await {
                Ok(read) => read,
                Err(Fault::Damaged(text)) => {
                    self.board.found([unreadable(zone, text)]);
                    0
                }
                Err(away) => return Err(away),
            };
            left = left.saturating_sub(read);
            waiting = waiting.saturating_add(end.waiting());
            self.board.found(end.findings());
            self.board.tell(|status| checked(status, read));
        }
        self.board.tell(|status| status.waiting = waiting);
        Ok(waiting > 0)
    }

    /// The end of a log that has none yet.
    async fn begin(&mut self, zone: &str, known: Option<&Frontier>) -> Result<(), Fault> {
        if !self.ends.contains_key(zone) {
            let end = End::new(&mut self.reader, zone, &self.verifier, known).await?;
            self.ends.insert(zone.to_owned(), end);
        }
        Ok(())
    }

    /// A slice of the pass; tells whether it was the last.
    async fn pass(&mut self) -> Result<bool, Fault> {
        let mut left = SLICE;
        let mut read = Ok(0);
        // Several zones, where they are short.
        while left > 0 && !self.pass.is_over() && read.is_ok() {
            let (reader, mut findings) = (&mut self.reader, Vec::new());
            read = self
                .pass
                .go(reader, &self.verifier, left, &mut findings)
                .await;
            self.board.found(findings);
            let entries = read.as_ref().copied().unwrap_or(0);
            // A zone without any is not free either.
            left = left.saturating_sub(entries.max(16));
            self.board.tell(|status| checked(status, entries));
        }
        read?;
        if self.pass.is_over() {
            self.board.pass_ends(self.clock.unix_ms());
            return Ok(true);
        }
        let position = self.pass.position();
        self.board.tell(|status| {
            status.zone = position.map(|(zone, _)| zone.to_owned());
            status.position = position.map_or(0, |(_, position)| position);
        });
        Ok(false)
    }
}

fn checked(status: &mut SelfCheckStatus, entries: u64) {
    status.checked = status.checked.saturating_add(entries);
}
